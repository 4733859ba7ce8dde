"""Finding events: by camera, level, label, time, state and words; page by page, or counted.

What a question costs is measured in tests: each walks along an index, latest event first, and a
page ends where it is full. Which words are in a summary is asked of `hsid.store.words`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Text,
    func,
    literal,
    select,
    tuple_,
)

from hsid.model import Event, EventState, Severity
from hsid.store import labels, words
from hsid.store.columns import UtcDateTime, clean
from hsid.store.errors import StoreError
from hsid.store.rows import to_event
from hsid.store.schema import events, stars

T = TypeVar("T")

_MOST = 2000
"""So many events are fetched at once, to see which of them have words that are frequent."""


class UnknownPositionError(StoreError):
    """The event after which to go on is not stored: it never was, or it is gone meanwhile."""

    def __init__(self, event_id: int) -> None:
        super().__init__(f"There is no event {event_id} to go on from.")
        self.event_id = event_id


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events are meant: those that fit everything that is not None."""

    camera_id: str | None = None
    level: Severity | None = None
    label: str | None = None
    """A class that was seen in it, when it was judged last."""
    since: datetime | None = None
    until: datetime | None = None
    """Events that began at *since* or later, and before *until*."""
    state: EventState | None = None
    is_starred: bool | None = None
    words: str | None = None
    """Each of these is in the summary."""


@dataclass(frozen=True, slots=True)
class EventStatistics:
    """How many events there are: all, and by what. What has none is left out."""

    total: int
    by_day: dict[date, int]
    by_hour: dict[int, int]
    """By the hour of the day, 0 to 23."""
    by_camera: dict[str, int]
    by_level: dict[Severity, int]


def search(
    conn: Connection, query: EventQuery, limit: int, before: int | None = None
) -> list[Event]:
    """Return up to *limit* of the events that *query* means by their start, latest first.

    *before* is the id of an event, whether it fits or not: only those that come after it in this
    order are returned.

    Raises:
        UnknownPositionError: There is no event *before*.
    """
    if query.words is not None and words.are_frequent(conn, query.words):
        return _walk(conn, query, query.words, limit, before)
    source, rest = _source(conn, query)
    in_order = tuple_(source.c.started_at, source.c.id)
    page = select(source).where(*_conditions(source, rest))
    if before is not None:
        page = page.where(in_order < _position(conn, before))
    page = page.order_by(source.c.started_at.desc(), source.c.id.desc()).limit(limit)
    return [to_event(row) for row in conn.execute(page)]


def statistics(conn: Connection, query: EventQuery, zone: tzinfo | None) -> EventStatistics:
    """Count the events that *query* means; days and hours are those of *zone*, None: this machine.

    An event counts for the day and the hour in which it began.
    """
    if query.words is not None and words.are_frequent(conn, query.words):
        source, rest = _reading(query, query.words), EventQuery()
    else:
        source, rest = _source(conn, query)

    def count_by(key: ColumnElement[T]) -> dict[T, int]:
        chosen = select(key, func.count()).where(*_conditions(source, rest))
        rows = conn.execute(chosen.group_by(key).order_by(key))
        return {value: number for value, number in rows}  # noqa: C416 - typed

    days: Counter[date] = Counter()
    hours: Counter[int] = Counter()
    for quarter, number in count_by(words.quarter(conn, source.c.started_at)).items():
        local = datetime.fromtimestamp(words.start_of(quarter), zone)
        days[local.date()] += number
        hours[local.hour] += number
    return EventStatistics(
        total=days.total(),
        by_day=dict(days),
        by_hour=dict(sorted(hours.items())),
        by_camera=count_by(source.c.camera_id),
        by_level={Severity(level): n for level, n in count_by(source.c.risk_level).items()},
    )


def _walk(
    conn: Connection, query: EventQuery, wanted: str, limit: int, before: int | None
) -> list[Event]:
    """Look at one event after the other until *limit* of them have the words *wanted*."""
    rest, size = replace(query, words=None), 2 * limit
    found: list[Event] = []
    while len(found) < limit and (page := search(conn, rest, size, before)):
        matching = words.among(conn, wanted, [event.id for event in page])
        found += [event for event in page if event.id in matching]
        before, size = page[-1].id, min(2 * size, _MOST)
    return found[:limit]


def _reading(query: EventQuery, wanted: str) -> FromClause:
    """Return the events that *query* means, found by all else first: its words are frequent."""
    chosen = list(_conditions(events, query))
    ids = select(func.min(events.c.id), func.max(events.c.id)).where(*chosen)
    # The sum keeps SQLite from looking for each of the words' events first.
    has_words = events.c.id.op("+")(0).in_(words.between(wanted, ids))
    return select(events).where(*chosen, has_words).subquery("matching")


def _source(conn: Connection, query: EventQuery) -> tuple[FromClause, EventQuery]:
    """Return what to select from, and what of *query* is still to be asked of it."""
    if query.words is not None:
        return words.matching(conn, events, query.words), query
    if query.label is None:
        return events, query
    without = replace(query, label=None)
    if replace(without, since=None, until=None) == EventQuery():
        return labels.walk(query.label), without
    few = labels.few(conn, query.label)
    return (events, query) if few is None else (few, without)


def _conditions(source: FromClause, query: EventQuery) -> Iterator[ColumnElement[bool]]:
    if query.camera_id is not None:
        yield source.c.camera_id == clean(query.camera_id)
    if query.level is not None:
        yield source.c.risk_level == query.level
    if query.label is not None:
        yield labels.has(source, query.label)
    if query.since is not None:
        yield source.c.started_at >= query.since
    if query.until is not None:
        yield source.c.started_at < query.until
    if query.state is not None:
        # Spelled out in the statement, for the partial index.
        yield source.c.state == literal(query.state.value, Text, literal_execute=True)
    if query.is_starred is not None:
        # By the list of stars, which is short: not event by event.
        is_starred = source.c.id.in_(select(stars.c.event_id))
        yield is_starred if query.is_starred else ~is_starred


def _position(conn: Connection, event_id: int) -> ColumnElement[tuple[datetime, int]]:
    """Return where the event stands, as values: of a subquery no database makes a range."""
    started_at = conn.scalar(select(events.c.started_at).where(events.c.id == event_id))
    if started_at is None:
        raise UnknownPositionError(event_id)
    return tuple_(literal(started_at, UtcDateTime), literal(event_id))
