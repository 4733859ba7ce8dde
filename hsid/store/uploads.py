"""The ledger: every file version that arrived, and how far it has come.

Each change of state is guarded by the states that it may start from, so a handler that comes a
second time, or too late, changes nothing and is told so. Each end is counted in the statement's
own transaction. Nothing here begins or commits a transaction.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Update,
    bindparam,
    case,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_or

from hsid.model import (
    PENDING_STATES,
    UNFINISHED_STATES,
    Accounting,
    Arrival,
    Detection,
    RefusalReason,
    Seconds,
    Upload,
    UploadState,
)
from hsid.store import cameras, counts
from hsid.store.chunks import chunks
from hsid.store.columns import clean, unfold
from hsid.store.dedupe import claim, unchanged
from hsid.store.rows import to_upload
from hsid.store.schema import cameras as camera_table
from hsid.store.schema import detections as detection_table
from hsid.store.schema import uploads

_INSERT = insert_or(uploads).on_conflict_do_nothing().returning(uploads.c.id)


def _guarded(*sources: UploadState) -> Update:
    return update(uploads).where(
        uploads.c.id == bindparam("upload_id"), uploads.c.state.in_(sources)
    )


def _giving_up(target: UploadState, *sources: UploadState) -> Update:
    return _guarded(*sources).values(
        state=target, reason=bindparam("why"), detail=bindparam("exactly")
    )


_QUEUE = _guarded(UploadState.RECEIVED).values(state=UploadState.QUEUED)
_REFUSE = _giving_up(UploadState.REFUSED, *UNFINISHED_STATES)
_BURY = _giving_up(UploadState.DEAD, *PENDING_STATES)
_REPEAT = _guarded(UploadState.RECEIVED).values(
    state=UploadState.DUPLICATE, duplicate_of=bindparam("original")
)
_DETECT = (
    _guarded(*UNFINISHED_STATES)
    .values(
        state=bindparam("target"),
        width=bindparam("picture_width"),
        height=bindparam("picture_height"),
        detector=bindparam("found_by"),
    )
    .returning(uploads.c.camera_id)
)
_STORED = (
    update(camera_table)
    .where(camera_table.c.id == bindparam("camera"))
    .values(last_stored_at=bindparam("moment"))
)


def receive(
    conn: Connection, arrivals: Sequence[Arrival], *, dedupe_ttl: Seconds
) -> list[Upload | None]:
    """Enter *arrivals* into the ledger; return each as stored, None for a version known already.

    A refused one and a repetition of what its camera sent within *dedupe_ttl* have reached their
    end; all others are `received`.
    """
    for camera_id, name in {arrival.camera_id: arrival.camera_name for arrival in arrivals}.items():
        cameras.ensure(conn, camera_id, name)
    tally: Counter[tuple[str, str]] = Counter()
    stored = [_enter(conn, arrival, dedupe_ttl, tally) for arrival in arrivals]
    for (outcome, reason), count in tally.items():
        counts.add(conn, outcome, count, reason=reason)
    new = sorted((upload for upload in stored if upload), key=lambda upload: upload.received_at)
    for camera_id, moment in {upload.camera_id: upload.received_at for upload in new}.items():
        cameras.mark_seen(conn, camera_id, moment)
    return stored


def mark_queued(conn: Connection, upload_id: int) -> bool:
    """Note that a queue has an entry for the upload; False unless it was `received`."""
    return _changed(conn, _QUEUE, upload_id=upload_id)


def record_detections(
    conn: Connection,
    upload_id: int,
    detections: Sequence[Detection],
    *,
    width: int,
    height: int,
    detector: str,
) -> bool:
    """Store all that *detector* found in an upload of *width* by *height* pixels.

    It is `detected` from then on, or has reached its end if there is nothing to store. False, and
    nothing stored, unless it was `received` or `queued`.
    """
    target = UploadState.DETECTED if detections else UploadState.NOTHING_SEEN
    picture = {"picture_width": width, "picture_height": height, "found_by": clean(detector)}
    camera_id = conn.execute(
        _DETECT, {"upload_id": upload_id, "target": target, **picture}
    ).scalar()
    if camera_id is None:
        return False
    if not detections:
        counts.add(conn, UploadState.NOTHING_SEEN)
        return True
    conn.execute(
        insert(detection_table),
        [_detection_values(upload_id, camera_id, detection) for detection in detections],
    )
    conn.execute(_STORED, {"camera": camera_id, "moment": datetime.now(UTC)})
    return True


def refuse(conn: Connection, upload_id: int, reason: RefusalReason, detail: str) -> bool:
    """End an upload that is at fault itself; False unless it was `received` or `queued`."""
    if not _changed(conn, _REFUSE, upload_id=upload_id, why=reason, exactly=clean(detail)):
        return False
    counts.add(conn, UploadState.REFUSED, reason=reason)
    return True


def bury(conn: Connection, upload_id: int, error: str) -> bool:
    """End an upload that is given up on; False if it had reached an end."""
    if not _changed(conn, _BURY, upload_id=upload_id, why=clean(error), exactly=None):
        return False
    counts.add(conn, UploadState.DEAD)
    return True


def revive(conn: Connection, upload_ids: Iterable[int]) -> list[int]:
    """Give dead uploads another chance; return those that were dead.

    One whose detections are stored waits for its verdict again, any other for the detector.
    """
    has_detections = exists().where(detection_table.c.upload_id == uploads.c.id)
    state = case((has_detections, UploadState.DETECTED.value), else_=UploadState.RECEIVED.value)
    revived: list[int] = []
    for some in chunks(sorted(set(upload_ids))):
        is_due = uploads.c.id.in_(some), uploads.c.state == UploadState.DEAD
        change = update(uploads).where(*is_due).values(state=state, reason=None, detail=None)
        revived += conn.scalars(change.returning(uploads.c.id))
    if revived:
        counts.take_back(conn, UploadState.DEAD, len(revived))
    return revived


def mark_analysed(conn: Connection, upload_ids: Iterable[int]) -> int:
    """End the uploads whose batch has its first verdict; return how many were `detected`."""
    changed = 0
    for some in chunks(sorted(set(upload_ids))):
        is_due = uploads.c.id.in_(some), uploads.c.state == UploadState.DETECTED
        end = update(uploads).where(*is_due).values(state=UploadState.ANALYSED)
        changed += conn.execute(end).rowcount
    if changed:
        counts.add(conn, UploadState.ANALYSED, changed)
    return changed


def first_arrival(conn: Connection, upload_ids: Iterable[int]) -> datetime | None:
    """Return when the first of those *upload_ids* arrived that wait for a verdict; None: none."""
    column = uploads.c.received_at
    first = (
        conn.scalars(
            select(column)
            .where(uploads.c.id.in_(some), uploads.c.state == UploadState.DETECTED)
            .order_by(column)
            .limit(1)
        ).first()
        for some in chunks(sorted(set(upload_ids)))
    )
    return min((moment for moment in first if moment is not None), default=None)


def known_versions(conn: Connection) -> list[tuple[str, int, int, int]]:
    """Return (path, inode, size, mtime_ns) of every version in the ledger, fast.

    Past SQLAlchemy: a daemon with 100,000 files in its folder asks for all of them when it starts.
    """
    cursor = conn.connection.cursor()
    try:
        cursor.execute("SELECT path, inode, size, mtime_ns FROM uploads")
        return [
            (path, inode if inode >= 0 else unfold(inode), size, mtime_ns)
            for path, inode, size, mtime_ns in cursor.fetchall()
        ]
    finally:
        cursor.close()


def get(conn: Connection, upload_id: int) -> Upload | None:
    """Return one upload, None if there is none of this id."""
    row = conn.execute(select(uploads).where(uploads.c.id == upload_id)).one_or_none()
    return None if row is None else to_upload(row)


def backlog(conn: Connection, limit: int) -> list[Upload]:
    """Return up to *limit* uploads that no queue has yet, in order of arrival."""
    waiting = select(uploads).where(uploads.c.state == UploadState.RECEIVED)
    return [to_upload(row) for row in conn.execute(waiting.order_by(uploads.c.id).limit(limit))]


def queued_ids(conn: Connection) -> list[int]:
    """Return the ids of the uploads that a queue should have, in order of arrival."""
    queued = select(uploads.c.id).where(uploads.c.state == UploadState.QUEUED)
    return list(conn.scalars(queued.order_by(uploads.c.id)))


def recent(conn: Connection, limit: int) -> list[Upload]:
    """Return the latest *limit* arrivals, newest first."""
    latest = select(uploads).order_by(uploads.c.id.desc()).limit(limit)
    return [to_upload(row) for row in conn.execute(latest)]


def accounting(conn: Connection) -> Accounting:
    """Return what arrived, where it ended, and what is pending; each from its own source."""
    totals = counts.totals(conn)
    pending = select(func.count()).where(uploads.c.state.in_(PENDING_STATES))
    ends = {state.value: totals.get(state, 0) for state in UploadState if state.is_end}
    return Accounting(
        arrived=totals.get(counts.ARRIVED, 0), pending=conn.scalar(pending) or 0, **ends
    )


def refusals(conn: Connection) -> dict[str, int]:
    """Return how many uploads were refused for each reason."""
    return counts.refusals(conn)


def _enter(
    conn: Connection, arrival: Arrival, dedupe_ttl: Seconds, tally: Counter[tuple[str, str]]
) -> Upload | None:
    state = UploadState.RECEIVED if arrival.refusal is None else UploadState.REFUSED
    values = _upload_values(arrival, state)
    upload_id = conn.execute(_INSERT, values).scalar()
    if upload_id is None:
        return None
    tally[counts.ARRIVED, ""] += 1
    if state is UploadState.RECEIVED and _is_repetition(conn, arrival, upload_id, dedupe_ttl):
        state = UploadState.DUPLICATE
    if state.is_end:
        tally[state, arrival.refusal or ""] += 1
    return Upload(
        id=upload_id,
        version=arrival.version,
        camera_id=arrival.camera_id,
        state=state,
        received_at=arrival.received_at,
        captured_at=arrival.captured_at,
        capture_source=arrival.capture_source,
        mime_type=arrival.mime_type,
        sha256=arrival.sha256,
        reason=arrival.refusal,
        detail=values["detail"],
    )


def _is_repetition(conn: Connection, arrival: Arrival, upload_id: int, dedupe_ttl: Seconds) -> bool:
    if arrival.sha256 is None:
        return False
    original = unchanged(conn, arrival.version, arrival.sha256, upload_id)
    if original is None:
        original = claim(
            conn,
            arrival.camera_id,
            arrival.sha256,
            upload_id,
            at=arrival.received_at,
            ttl=dedupe_ttl,
        )
    return original is not None and _changed(conn, _REPEAT, upload_id=upload_id, original=original)


def _upload_values(arrival: Arrival, state: UploadState) -> dict[str, Any]:
    version = arrival.version
    return {
        "camera_id": arrival.camera_id,
        "path": version.path,
        "inode": version.inode,
        "size": version.size,
        "mtime_ns": version.mtime_ns,
        "state": state,
        "received_at": arrival.received_at,
        "captured_at": arrival.captured_at,
        "capture_source": arrival.capture_source,
        "mime_type": arrival.mime_type,
        "sha256": arrival.sha256,
        "reason": arrival.refusal,
        "detail": None if arrival.detail is None else clean(arrival.detail),
    }


def _detection_values(upload_id: int, camera_id: str, detection: Detection) -> dict[str, Any]:
    box = detection.box
    return {
        "upload_id": upload_id,
        "camera_id": camera_id,
        "label": clean(detection.label),
        "confidence": detection.confidence,
        "x": box.x,
        "y": box.y,
        "width": box.width,
        "height": box.height,
    }


def _changed(conn: Connection, change: Update, **values: Any) -> bool:
    return conn.execute(change, values).rowcount == 1
