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
    func,
    insert,
    select,
)

from hsid.model import Event
from hsid.store.columns import UtcDateTime, big_key, clean
from hsid.store.schema import detections, event_labels, events

_FEW = 2000
"""A label is rare that no more events have than this."""

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


def is_rare(conn: Connection, label: str) -> bool:
    """Tell whether *label* alone leads to so few events that all else is best asked of those.

    Databases know of how many rows a label has little (PostgreSQL) or nothing (SQLite).
    """
    found = select(event_labels.c.event_id).where(event_labels.c.label == clean(label))
    # In order of the index: PostgreSQL might read the table instead, hoping to find enough soon.
    few = found.order_by(event_labels.c.started_at).limit(_FEW + 1).subquery()
    return (conn.scalar(select(func.count()).select_from(few)) or 0) <= _FEW


def has(source: FromClause, label: str) -> ColumnElement[bool]:
    """Return the condition that an event of *source* has *label*."""
    of_event = event_labels.c.event_id == source.c.id
    return exists().where(of_event, event_labels.c.label == clean(label))
