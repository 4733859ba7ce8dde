"""Stars: events that somebody wants to keep. Retention leaves them and what belongs to them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, literal, select
from sqlalchemy.dialects.postgresql import insert

from hsid.store import audit
from hsid.store.chunks import chunks
from hsid.store.columns import UtcDateTime
from hsid.store.schema import events, stars


def star(conn: Connection, event_id: int) -> bool:
    """Give the event its star; tell whether that changed anything.

    An event that is not there gets none. Writers take turns, on a server as well: it can't go
    between the look and the star.
    """
    now = literal(datetime.now(UTC), UtcDateTime)
    found = select(events.c.id, now).where(events.c.id == event_id)
    new = insert(stars).from_select(["event_id", "starred_at"], found).on_conflict_do_nothing()
    return conn.scalar(new.returning(stars.c.event_id)) is not None


def unstar(conn: Connection, event_id: int) -> bool:
    """Take the event's star; tell whether it had one."""
    old = delete(stars).where(stars.c.event_id == event_id)
    return conn.scalar(old.returning(stars.c.event_id)) is not None


def starred(conn: Connection, event_ids: Sequence[int]) -> set[int]:
    """Return those of *event_ids* that have a star."""
    found: set[int] = set()
    for some in chunks(event_ids):
        found |= set(conn.scalars(select(stars.c.event_id).where(stars.c.event_id.in_(some))))
    return found


def change(conn: Connection, event_id: int, *, is_starred: bool, by: str) -> bool | None:
    """Give or take a star for *by*, and record that; tell whether it changed anything.

    None, and recorded as failed, if there is no such event.
    """
    changed = star(conn, event_id) if is_starred else unstar(conn, event_id)
    here = select(events.c.id).where(events.c.id == event_id)
    is_there = changed or conn.scalar(here) is not None
    audit.record(
        conn,
        by,
        "event.star" if is_starred else "event.unstar",
        f"event:{event_id}",
        {"changed": changed},
        None if is_there else f"there is no event {event_id}",
    )
    return changed if is_there else None
