"""Events: one for each batch, holding the best verdict on its latest revision."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from hsid.model import (
    AnalysisKind,
    Batch,
    BatchState,
    DetectionRecord,
    Event,
    EventRevision,
    EventState,
    Severity,
    UploadState,
    Verdict,
)
from hsid.store import labels
from hsid.store.columns import clean
from hsid.store.rows import SELECT_DETECTIONS, to_batch, to_detection, to_event, to_revision
from hsid.store.schema import batches, detections, event_revisions, events, uploads
from hsid.store.uploads import mark_analysed

_KEPT = {"id", "batch_id", "camera_id", "created_at"}
"""What a later verdict does not change."""
_NOT_JUDGED = {"id", "event_id", "updated_at"}
_JUDGED = [column.name for column in event_revisions.c if column.name not in _NOT_JUDGED]
"""What makes a verdict another one than that which is remembered."""


def store_verdict(
    conn: Connection,
    batch: Batch,
    verdict: Verdict,
    *,
    revision: int,
    level: Severity,
    state: EventState,
    upload_ids: Iterable[int],
) -> Event | None:
    """Store the event of *batch*, and end its uploads *upload_ids* as analysed.

    None, and nothing changed, where a later revision or a better analyst has spoken already, or
    the batch is gone, merged into another one.
    """
    if not conn.scalar(select(exists().where(batches.c.id == batch.id))):
        return None
    values = _values(batch, verdict) | {"revision": revision, "risk_level": level, "state": state}
    changed = _update(conn, values)
    row = changed or _insert(conn, values)
    if row is None:
        return None
    event = to_event(row)
    labels.note(conn, event, is_new=changed is None)
    mark_analysed(conn, upload_ids)
    return event


def get_event(conn: Connection, event_id: int) -> Event | None:
    """Return one event, None if there is none of this id."""
    row = conn.execute(select(events).where(events.c.id == event_id)).one_or_none()
    return None if row is None else to_event(row)


def revisions_of(conn: Connection, event_id: int) -> list[EventRevision]:
    """Return what an event said before its present verdict, earliest first."""
    of_event = select(event_revisions).where(event_revisions.c.event_id == event_id)
    return [to_revision(row) for row in conn.execute(of_event.order_by(event_revisions.c.id))]


def detections_of(conn: Connection, batch_id: str) -> tuple[DetectionRecord, ...]:
    """Return a batch's detections in order of capture."""
    chosen = SELECT_DETECTIONS.where(detections.c.batch_id == batch_id)
    ordered = chosen.order_by(uploads.c.captured_at, detections.c.id)
    return tuple(to_detection(row) for row in conn.execute(ordered))


def uploads_of(conn: Connection, batch_id: str) -> list[int]:
    """Return the ids of the uploads in a batch."""
    ids = select(detections.c.upload_id).where(detections.c.batch_id == batch_id).distinct()
    return sorted(conn.scalars(ids))


def awaiting_verdict(conn: Connection) -> list[Batch]:
    """Return the closed batches with uploads that wait for a verdict, oldest first.

    One that was given up has none left, and is not brought back.
    """
    waited_for = (
        select(detections.c.batch_id)
        .join(uploads, uploads.c.id == detections.c.upload_id)
        .where(uploads.c.state == UploadState.DETECTED)
    )
    is_closed = batches.c.state == BatchState.CLOSED
    waiting = select(batches).where(is_closed, batches.c.id.in_(waited_for))
    ordered = waiting.order_by(batches.c.started_at, batches.c.id)
    return [to_batch(row) for row in conn.execute(ordered)]


def _values(batch: Batch, verdict: Verdict) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "batch_id": batch.id,
        "camera_id": batch.camera_id,
        "started_at": batch.started_at,
        "ended_at": batch.ended_at,
        "risk_score": verdict.risk_score,
        "summary": clean(verdict.summary),
        "reasoning": clean(verdict.reasoning),
        "analysis": verdict.kind,
        "analyst": clean(verdict.analyst),
        "created_at": now,
        "updated_at": now,
    }


def _update(conn: Connection, values: dict[str, object]) -> Row[Any] | None:
    """Change the batch's event if it has one that is not better than *values*.

    Before the insert and not as its other half: that would use up an id each time. What it said
    before is remembered.
    """
    rank = AnalysisKind(str(values["analysis"])).rank
    is_not_better = or_(
        events.c.revision < values["revision"],
        and_(events.c.revision == values["revision"], _rank(events.c.analysis) <= rank),
    )
    changed = {name: value for name, value in values.items() if name not in _KEPT}
    of_batch = events.c.batch_id == values["batch_id"]
    _remember(conn, and_(of_batch, is_not_better), values)
    return conn.execute(
        update(events).where(of_batch, is_not_better).values(changed).returning(events)
    ).one_or_none()


def _remember(
    conn: Connection, is_replaced: ColumnElement[bool], values: dict[str, object]
) -> None:
    """Keep what the event says now, unless *values* only say the same again."""
    differs = or_(*(events.c[name] != values[name] for name in _JUDGED))
    columns = ["event_id", *_JUDGED, "updated_at"]
    said = select(events.c.id, *(events.c[name] for name in columns[1:])).where(
        is_replaced, differs
    )
    conn.execute(insert(event_revisions).from_select(columns, said))


def _insert(conn: Connection, values: dict[str, object]) -> Row[Any] | None:
    """Make the batch's event unless it has one."""
    new = insert(events).values(values).on_conflict_do_nothing()
    return conn.execute(new.returning(events)).one_or_none()


def _rank(analysis: ColumnElement[str]) -> ColumnElement[int]:
    return case({kind.value: kind.rank for kind in AnalysisKind}, value=analysis)
