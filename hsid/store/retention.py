"""What retention reads and deletes, a page of rows at a time, oldest arrival first.

Nothing is deleted on the word of an earlier read: each statement, or the look before it in the
same transaction, asks again for the conditions. Counters are not touched: what was counted stays
counted. Nothing here begins or commits a transaction.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)

from hsid.model import BatchState, FileVersion, UploadState
from hsid.retention_policy.decision import Case, LedgerRow
from hsid.store.chunks import chunks
from hsid.store.schema import (
    batches,
    cameras,
    dead_letters,
    dedupe,
    detections,
    events,
    stars,
    uploads,
)

_FIRST_ARRIVALS = 1_000
"""How many are looked at for pictures older than the store: its first scan found those first."""

_ENDS = sorted(state for state in UploadState if state.is_end)

_OF_A_BATCH, _OF_AN_EVENT, _OF_A_DETECTION = 200, 500, 150
"""What a row takes with its indexes, rather more than less: too little is made up for later."""

_STRIPPED: dict[str, None] = dict.fromkeys(("mime_type", "detail", "width", "height", "detector"))
"""Not the SHA-256: a picture that is only touched is known by it."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a walk through a camera's uploads has come to."""

    received_at: datetime
    upload_id: int


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case with the rows it is made of."""

    case: Case
    event_id: int | None
    rows: tuple[LedgerRow, ...]

    @property
    def last(self) -> Position:
        """Return the place of its newest arrival: there it is decided upon, once."""
        return max(
            (Position(row.received_at, row.id) for row in self.rows),
            key=lambda at: (at.received_at, at.upload_id),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Uploads in order of arrival, and the cases whose newest arrival is among them."""

    rows: tuple[LedgerRow, ...]
    cases: tuple[CaseRecord, ...]

    @property
    def end(self) -> Position:
        """Return where the next page begins."""
        return Position(self.rows[-1].received_at, self.rows[-1].id)


@dataclass(frozen=True, slots=True)
class Beginning:
    """How far back the store goes; see `hsid.retention_policy.decision.Situation`."""

    first_arrival: datetime | None
    oldest_capture: datetime | None
    has_forgotten: bool


def beginning(conn: Connection) -> Beginning:
    """Return how far back the store goes."""
    first = select(uploads.c.id, uploads.c.received_at, uploads.c.captured_at)
    rows = conn.execute(first.order_by(uploads.c.id).limit(_FIRST_ARRIVALS)).all()
    return Beginning(
        first_arrival=min((row.received_at for row in rows), default=None),
        oldest_capture=min((row.captured_at for row in rows), default=None),
        has_forgotten=bool(rows) and rows[0].id > 1,
    )


def camera_ids(conn: Connection) -> list[str]:
    """Return the ids of all cameras."""
    return list(conn.scalars(select(cameras.c.id).order_by(cameras.c.id)))


def histories(conn: Connection) -> dict[str, int]:
    """Return about how many bytes each camera's events and detections take. Reads all of them.

    What a star keeps is left out: no camera has to give what it can't.
    """
    sizes: Counter[str] = Counter()
    words = func.sum(func.length(events.c.summary) + func.length(events.c.reasoning))
    of_events = select(events.c.camera_id, func.count(), words).group_by(events.c.camera_id)
    seen = select(detections.c.camera_id, func.count()).group_by(detections.c.camera_id)
    kept_events = of_events.join(stars, stars.c.event_id == events.c.id)
    kept_seen = seen.join(events, events.c.batch_id == detections.c.batch_id)
    kept_seen = kept_seen.join(stars, stars.c.event_id == events.c.id)
    for sign, query in ((1, of_events), (-1, kept_events)):
        for camera_id, count, length in conn.execute(query):
            sizes[camera_id] += sign * (count * (_OF_AN_EVENT + _OF_A_BATCH) + length)
    for sign, query in ((1, seen), (-1, kept_seen)):
        for camera_id, count in conn.execute(query):
            sizes[camera_id] += sign * count * _OF_A_DETECTION
    return dict(sizes)


def count_stars(conn: Connection) -> int:
    """Return how many events have a star."""
    return conn.scalar(select(func.count()).select_from(stars)) or 0


def load_page(
    conn: Connection, camera_id: str, *, after: Position | None, before: datetime, limit: int
) -> Page:
    """Return up to *limit* uploads of a camera that arrived between *after* and *before*."""
    wanted = _ledger_rows().where(uploads.c.camera_id == camera_id, uploads.c.received_at < before)
    if after is not None:
        arrived = uploads.c.received_at
        is_later = and_(arrived == after.received_at, uploads.c.id > after.upload_id)
        # The first condition alone is what the index is searched with.
        wanted = wanted.where(
            arrived >= after.received_at, or_(arrived > after.received_at, is_later)
        )
    ordered = wanted.order_by(uploads.c.received_at, uploads.c.id).limit(limit)
    rows = _with_batches(conn, conn.execute(ordered).all())
    places = {row.id for row in rows}
    met = {row.batch_id for row in rows if row.batch_id is not None}
    cases = load_cases(conn, met)
    return Page(rows, tuple(case for case in cases if case.last.upload_id in places))


def load_cases(conn: Connection, batch_ids: Iterable[str]) -> list[CaseRecord]:
    """Return the cases of these batches, oldest first; those without an upload are left out."""
    records = [r for some in chunks(sorted(batch_ids)) for r in _load_cases(conn, some)]
    return sorted(records, key=lambda each: (each.case.newest_arrival, each.last.upload_id))


def delete_cases(conn: Connection, batch_ids: Sequence[str]) -> None:
    """Delete batches with their events and detections; whether they may go is known by then."""
    for some in chunks(batch_ids):
        conn.execute(delete(events).where(events.c.batch_id.in_(some)))
        conn.execute(delete(detections).where(detections.c.batch_id.in_(some)))
        conn.execute(delete(batches).where(batches.c.id.in_(some)))


def strip(conn: Connection, upload_ids: Sequence[int], *, claimed_before: datetime) -> None:
    """Leave of these uploads their key and their end, and end claims made before a time."""
    for some in chunks(upload_ids):
        conn.execute(update(uploads).where(_is_over(some)).values(_STRIPPED))
        is_old = dedupe.c.upload_id.in_(some), dedupe.c.claimed_at < claimed_before
        conn.execute(delete(dedupe).where(*is_old))


def forget(conn: Connection, upload_ids: Sequence[int]) -> None:
    """Delete the rows of uploads that have ended and have no detections."""
    for some in chunks(upload_ids):
        conn.execute(delete(uploads).where(_is_over(some)))


def without_detections(conn: Connection, upload_ids: Sequence[int]) -> set[int]:
    """Return those of *upload_ids* that have ended and have no detections left."""
    found: set[int] = set()
    for some in chunks(upload_ids):
        found |= set(conn.scalars(select(uploads.c.id).where(_is_over(some))))
    return found


def latest_versions(conn: Connection, camera_id: str, limit: int) -> list[FileVersion]:
    """Return the file versions of a camera's latest arrivals."""
    of_camera = _ledger_rows().where(uploads.c.camera_id == camera_id)
    latest = of_camera.order_by(uploads.c.received_at.desc(), uploads.c.id.desc()).limit(limit)
    return [_version(row) for row in conn.execute(latest)]


def known(conn: Connection, versions: Iterable[FileVersion]) -> set[FileVersion]:
    """Return those of *versions* that the ledger has."""
    found = select(uploads.c.id)
    return {each for each in versions if conn.scalar(found.where(_is(each))) is not None}


def old_dead_letters(
    conn: Connection, died_before: datetime, limit: int, after: tuple[str, float, str] | None
) -> list[tuple[str, float, str]]:
    """Return (queue, time of death, id) of up to *limit* dead letters, in this order."""
    columns = dead_letters.c
    key = columns.queue, columns.died_at, columns.id
    wanted = select(*key).where(columns.died_at < died_before.timestamp())
    if after is not None:
        wanted = wanted.where(tuple_(*key) > tuple_(*after))
    rows = conn.execute(wanted.order_by(*key).limit(limit))
    return [(row.queue, row.died_at, row.id) for row in rows]


def delete_dead_letters(conn: Connection, letters: Iterable[tuple[str, float, str]]) -> None:
    """Delete these letters, unless one was put back and died again meanwhile."""
    columns = dead_letters.c
    for queue, died_at, letter_id in letters:
        is_it = columns.queue == queue, columns.id == letter_id, columns.died_at == died_at
        conn.execute(delete(dead_letters).where(*is_it))


def _ledger_rows() -> Select[Any]:
    is_bare = and_(*(uploads.c[name].is_(None) for name in _STRIPPED))
    key = uploads.c.path, uploads.c.inode, uploads.c.size, uploads.c.mtime_ns
    state = uploads.c.state, uploads.c.received_at, is_bare.label("is_bare")
    return select(uploads.c.id, uploads.c.camera_id, *key, *state)


def _with_batches(conn: Connection, rows: Sequence[Row[Any]]) -> tuple[LedgerRow, ...]:
    batch_of: dict[int, str | None] = {}
    for some in chunks([row.id for row in rows]):
        columns = detections.c.upload_id, detections.c.batch_id
        found = select(*columns).where(detections.c.upload_id.in_(some)).distinct()
        batch_of |= {upload_id: batch_id for upload_id, batch_id in conn.execute(found)}  # noqa: C416 - typed, unlike dict(rows)
    return tuple(
        _ledger_row(row, batch_of.get(row.id), has_detections=row.id in batch_of) for row in rows
    )


def _load_cases(conn: Connection, batch_ids: Sequence[str]) -> list[CaseRecord]:
    members = select(detections.c.batch_id, detections.c.upload_id, func.count().label("seen"))
    members = members.where(detections.c.batch_id.in_(batch_ids))
    grouped = members.group_by(detections.c.batch_id, detections.c.upload_id).subquery()
    columns = grouped.c.batch_id, grouped.c.seen
    joined = _ledger_rows().add_columns(*columns).join(grouped, grouped.c.upload_id == uploads.c.id)
    rows_of: defaultdict[str, list[LedgerRow]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for row in conn.execute(joined):
        rows_of[row.batch_id].append(_ledger_row(row, row.batch_id, has_detections=True))
        counts[row.batch_id] += row.seen
    words = func.length(events.c.summary) + func.length(events.c.reasoning)
    star = stars.c.event_id.label("star")
    judged = select(batches, events.c.id.label("event_id"), words.label("words"), star)
    judged = judged.outerjoin(events, events.c.batch_id == batches.c.id)
    judged = judged.outerjoin(stars, stars.c.event_id == events.c.id)
    found = conn.execute(judged.where(batches.c.id.in_(batch_ids)))
    return [_case_record(row, rows_of[row.id], counts[row.id]) for row in found if rows_of[row.id]]


def _case_record(row: Row[Any], rows: list[LedgerRow], count: int) -> CaseRecord:
    of_event = 0 if row.event_id is None else _OF_AN_EVENT + row.words
    case = Case(
        batch_id=row.id,
        camera_id=row.camera_id,
        is_open=BatchState(row.state) is BatchState.OPEN,
        states=frozenset(each.state for each in rows),
        newest_arrival=max(each.received_at for each in rows),
        size=_OF_A_BATCH + of_event + count * _OF_A_DETECTION,
        is_starred=row.star is not None,
    )
    return CaseRecord(case, row.event_id, tuple(sorted(rows, key=lambda each: each.id)))


def _ledger_row(row: Row[Any], batch_id: str | None, *, has_detections: bool) -> LedgerRow:
    return LedgerRow(
        id=row.id,
        camera_id=row.camera_id,
        version=_version(row),
        state=UploadState(row.state),
        received_at=row.received_at,
        is_bare=bool(row.is_bare),
        batch_id=batch_id,
        has_detections=has_detections,
    )


def _version(row: Row[Any]) -> FileVersion:
    return FileVersion(row.path, row.inode, row.size, row.mtime_ns)


def _is(version: FileVersion) -> ColumnElement[bool]:
    return and_(
        uploads.c.path == version.path,
        uploads.c.inode == version.inode,
        uploads.c.size == version.size,
        uploads.c.mtime_ns == version.mtime_ns,
    )


def _is_over(upload_ids: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that an upload of these has ended, and no detection is left of it."""
    has_detections = exists().where(detections.c.upload_id == uploads.c.id)
    return and_(uploads.c.id.in_(upload_ids), uploads.c.state.in_(_ENDS), ~has_detections)
