"""The classes that were seen in each event, kept beside it in the order of the timeline.

They are those that the event's verdict was told of: written with it, and gone with the event. One
that a batch takes up afterwards is found when the verdict that follows is stored.
"""

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    bindparam,
    delete,
    exists,
    insert,
    select,
)

from hsid.model import Event
from hsid.store.columns import UtcDateTime, big_key, clean
from hsid.store.schema import detections, event_labels, events

FEW = 2000
"""So many matches are fetched and put in order; more than that are not."""

_SEEN = select(
    bindparam("event", type_=big_key()).label("event_id"),
    detections.c.label,
    bindparam("moment", type_=UtcDateTime).label("started_at"),
).where(detections.c.batch_id == bindparam("batch"))
_NOTE = insert(event_labels).from_select(["event_id", "label", "started_at"], _SEEN.distinct())


def note(conn: Connection, event: Event, *, is_new: bool) -> None:
    """Remember what was seen in an event that is new or has changed."""
    if not is_new:
        conn.execute(delete(event_labels).where(event_labels.c.event_id == event.id))
    conn.execute(_NOTE, {"event": event.id, "moment": event.started_at, "batch": event.batch_id})


def walk(label: str) -> FromClause:
    """Return the events with *label*, as `events` has them, to be read in order of their start."""
    own = {"id": event_labels.c.event_id.label("id"), "started_at": event_labels.c.started_at}
    columns = (own.get(column.name, column) for column in events.c)
    joined = select(*columns).join_from(
        event_labels, events, events.c.id == event_labels.c.event_id
    )
    return joined.where(event_labels.c.label == clean(label)).subquery("labelled")


def few(conn: Connection, label: str) -> FromClause | None:
    """Return the events with *label* to select from, None if they are too many to be fetched.

    Databases know of how many rows a label has little (PostgreSQL) or nothing (SQLite).
    """
    with_label = event_labels.c.label == clean(label)
    found = select(event_labels.c.event_id).where(with_label).limit(FEW + 1)
    if len(conn.scalars(found).all()) > FEW:
        return None
    # The limit keeps SQLite from looking through other indexes first.
    chosen = select(events).where(events.c.id.in_(found)).limit(FEW)
    return chosen.subquery("labelled")


def has(source: FromClause, label: str) -> ColumnElement[bool]:
    """Return the condition that an event of *source* has *label*."""
    of_event = event_labels.c.event_id == source.c.id
    return exists().where(of_event, event_labels.c.label == clean(label))
