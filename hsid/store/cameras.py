"""Cameras: those that the configuration names, and those that were made up from a folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from hsid.model import PENDING_STATES, Camera
from hsid.store.columns import clean
from hsid.store.rows import to_camera
from hsid.store.schema import cameras, uploads


@dataclass(frozen=True, slots=True)
class Standing:
    """A camera and what has come of it; *pending* are its uploads without an end."""

    camera: Camera
    last_seen_at: datetime | None
    last_stored_at: datetime | None
    pending: int


_UPSERT = insert(cameras).values(
    id=bindparam("id"),
    name=bindparam("name"),
    place=bindparam("place"),
    timezone=bindparam("timezone"),
)
_UPSERT = _UPSERT.on_conflict_do_update(
    index_elements=["id"],
    set_={name: _UPSERT.excluded[name] for name in ("name", "place", "timezone")},
)
_ENSURE = (
    insert(cameras).values(id=bindparam("id"), name=bindparam("name")).on_conflict_do_nothing()
)
_SEEN = (
    update(cameras)
    .where(
        cameras.c.id == bindparam("camera"),
        or_(cameras.c.last_seen_at.is_(None), cameras.c.last_seen_at < bindparam("moment")),
    )
    .values(last_seen_at=bindparam("moment"))
)


def configure(conn: Connection, configured: Iterable[Camera]) -> None:
    """Store the *configured* cameras. Others keep their names, but nothing that was configured."""
    conn.execute(update(cameras).values(place=None, timezone=None))
    for camera in configured:
        values = {"name": clean(camera.name), "place": camera.place, "timezone": camera.timezone}
        conn.execute(_UPSERT, {"id": camera.id, **values})


def ensure(conn: Connection, camera_id: str, name: str | None = None) -> None:
    """Make a camera called *name*, or like its id, unless there is one."""
    conn.execute(_ENSURE, {"id": camera_id, "name": clean(name or camera_id)})


def mark_seen(conn: Connection, camera_id: str, moment: datetime) -> None:
    """Note that a camera sent something at *moment*; an earlier one than noted changes nothing."""
    conn.execute(_SEEN, {"camera": camera_id, "moment": moment})


def get(conn: Connection, camera_id: str) -> Camera | None:
    """Return one camera, None if there is none of this id."""
    row = conn.execute(select(cameras).where(cameras.c.id == camera_id)).one_or_none()
    return None if row is None else to_camera(row)


def list_all(conn: Connection) -> list[Camera]:
    """Return all cameras by id."""
    return [to_camera(row) for row in conn.execute(select(cameras).order_by(cameras.c.id))]


def last_seen(conn: Connection) -> dict[str, datetime | None]:
    """Return when each camera last sent something, None for one that never did."""
    rows = conn.execute(select(cameras.c.id, cameras.c.last_seen_at))
    return {camera_id: moment for camera_id, moment in rows}  # noqa: C416 - typed


def standings(conn: Connection) -> list[Standing]:
    """Return how all cameras stand, by id."""
    pending = (
        select(func.count())
        .where(uploads.c.camera_id == cameras.c.id, uploads.c.state.in_(PENDING_STATES))
        .scalar_subquery()
    )
    rows = conn.execute(select(cameras, pending.label("pending")).order_by(cameras.c.id))
    return [
        Standing(to_camera(row), row.last_seen_at, row.last_stored_at, row.pending) for row in rows
    ]
