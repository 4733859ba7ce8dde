"""Batches: what `hsid.batching` decides upon, and carrying its decision out.

Load, decide and apply belong into one writing transaction: loading locks the camera, so nothing
changes in between, on whichever node. Every function takes the connection of its caller's
transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import Connection, delete, func, insert, select, text, union, update

from hsid.batching import (
    BatchAction,
    CameraState,
    ChangeBatch,
    CloseBatch,
    ClosedSpan,
    DeleteBatch,
    OpenBatch,
    ReopenBatch,
    Sighting,
    StartBatch,
)
from hsid.model import Batch, BatchState, Camera, DetectionRecord
from hsid.store import cameras
from hsid.store.chunks import chunks
from hsid.store.events import detections_of
from hsid.store.rows import to_batch
from hsid.store.schema import OPEN, UNFINISHED, batches, detections, events, uploads
from hsid.store.schema import cameras as camera_table


def cameras_with_work(conn: Connection) -> list[str]:
    """Return the ids of the cameras with an open batch, or with detections that have none."""
    open_somewhere = select(batches.c.camera_id).where(text(OPEN))
    loose = select(detections.c.camera_id).where(detections.c.batch_id.is_(None))
    return sorted(conn.scalars(union(open_somewhere, loose)))


def load_camera(conn: Connection, camera_id: str, *, reach: timedelta) -> CameraState:
    """Lock one camera, and return what there is to decide upon for it.

    *reach* is how long before a sighting a closed batch may have ended and still take it: window
    and idle time together.
    """
    last_stored_at = _lock(conn, camera_id)
    open_batches = _open_batches(conn, camera_id)
    loose = _sightings(conn, camera_id, None)
    moments = [s.captured_at for s in (*loose, *(s for b in open_batches for s in b.sightings))]
    return CameraState(
        camera_id=camera_id,
        open_batches=open_batches,
        loose=loose,
        unfinished_oldest=_oldest_unfinished(conn, camera_id),
        closed=_closed_since(conn, camera_id, min(moments) - reach) if moments else (),
        last_stored_at=last_stored_at,
    )


def apply(conn: Connection, camera_id: str, actions: Iterable[BatchAction]) -> None:
    """Carry out *actions*, decided upon what `load_camera` returned in the same transaction."""
    for action in actions:
        match action:
            case StartBatch():
                _start(conn, camera_id, action)
            case ReopenBatch() | ChangeBatch():
                _update(conn, action)
            case DeleteBatch():
                _delete(conn, action.batch_id)
            case CloseBatch():
                _close(conn, action)
            case _:
                assert_never(action)


def get(conn: Connection, batch_id: str) -> Batch | None:
    """Return one batch, None if there is none of this id."""
    row = conn.execute(select(batches).where(batches.c.id == batch_id)).one_or_none()
    return None if row is None else to_batch(row)


def load_case(
    conn: Connection, batch_id: str
) -> tuple[Batch, Camera, tuple[DetectionRecord, ...]] | None:
    """Return what an analyst is told of a batch, None if it was merged into another one."""
    batch = get(conn, batch_id)
    camera = None if batch is None else cameras.get(conn, batch.camera_id)
    if batch is None or camera is None:
        return None
    return batch, camera, detections_of(conn, batch_id)


def _lock(conn: Connection, camera_id: str) -> datetime | None:
    """Keep others from deciding for the camera; return when a detection was last stored for it.

    Rows that refer to the camera may still be added. SQLite has one writer, and no such lock.
    """
    chosen = select(camera_table.c.last_stored_at).where(camera_table.c.id == camera_id)
    return conn.scalar(chosen.with_for_update(key_share=True))


def _open_batches(conn: Connection, camera_id: str) -> tuple[OpenBatch, ...]:
    rows = conn.execute(
        select(batches.c.id, batches.c.revision)
        .where(text(OPEN), batches.c.camera_id == camera_id)
        .order_by(batches.c.started_at, batches.c.id)
    )
    return tuple(
        OpenBatch(batch_id, revision, _sightings(conn, camera_id, batch_id))
        for batch_id, revision in rows.all()
    )


def _sightings(conn: Connection, camera_id: str, batch_id: str | None) -> tuple[Sighting, ...]:
    """Return the camera's sightings that *batch_id* has, or that no batch has."""
    rows = conn.execute(
        select(uploads.c.id, uploads.c.captured_at, func.count())
        .join_from(detections, uploads, detections.c.upload_id == uploads.c.id)
        .where(detections.c.batch_id == batch_id, detections.c.camera_id == camera_id)
        .group_by(uploads.c.id, uploads.c.captured_at)
        .order_by(uploads.c.captured_at, uploads.c.id)
    )
    return tuple(Sighting(upload_id, moment, count) for upload_id, moment, count in rows)


def _oldest_unfinished(conn: Connection, camera_id: str) -> datetime | None:
    is_unfinished = text(UNFINISHED), uploads.c.camera_id == camera_id
    in_order = select(uploads.c.captured_at).where(*is_unfinished).order_by(uploads.c.captured_at)
    return conn.scalars(in_order.limit(1)).first()


def _closed_since(conn: Connection, camera_id: str, earliest: datetime) -> tuple[ClosedSpan, ...]:
    count = select(func.count()).where(detections.c.batch_id == batches.c.id).scalar_subquery()
    rows = conn.execute(
        select(batches.c.id, batches.c.revision, batches.c.started_at, batches.c.ended_at, count)
        .where(
            batches.c.camera_id == camera_id,
            batches.c.ended_at >= earliest,
            batches.c.state == BatchState.CLOSED,
        )
        .order_by(batches.c.started_at, batches.c.id)
    )
    return tuple(ClosedSpan(*row) for row in rows)


def _start(conn: Connection, camera_id: str, action: StartBatch) -> None:
    conn.execute(
        insert(batches).values(
            id=action.batch_id,
            camera_id=camera_id,
            state=BatchState.OPEN,
            started_at=action.started_at,
            ended_at=action.ended_at,
        )
    )
    _join(conn, action.batch_id, action.joined)


def _update(conn: Connection, action: ReopenBatch | ChangeBatch) -> None:
    conn.execute(
        update(batches)
        .where(batches.c.id == action.batch_id)
        .values(state=BatchState.OPEN, started_at=action.started_at, ended_at=action.ended_at)
    )
    _join(conn, action.batch_id, action.joined)


def _join(conn: Connection, batch_id: str, upload_ids: Sequence[int]) -> None:
    for some in chunks(upload_ids):
        conn.execute(
            update(detections).where(detections.c.upload_id.in_(some)).values(batch_id=batch_id)
        )


def _delete(conn: Connection, batch_id: str) -> None:
    # The fast path may have judged it already. Its sightings have gone to another batch, and are
    # told of in the event of that one: one incident, one event.
    conn.execute(delete(events).where(events.c.batch_id == batch_id))
    conn.execute(delete(batches).where(batches.c.id == batch_id))


def _close(conn: Connection, action: CloseBatch) -> None:
    conn.execute(
        update(batches)
        .where(batches.c.id == action.batch_id)
        .values(state=BatchState.CLOSED, revision=action.revision)
    )
