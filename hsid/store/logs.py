"""The log in the database: lines put in, and read again, latest first, page by page.

Retention deletes what is too old (`hsid.store.old_records`). Nothing here begins or commits a
transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, literal, or_, select, tuple_

from hsid.observe.logging_database import LogLine
from hsid.store.columns import UtcDateTime, clean
from hsid.store.schema import logs


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a line stands in the order of the log; good for going on, even when it is deleted."""

    recorded_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line, and where it stands."""

    id: int
    line: LogLine

    @property
    def position(self) -> LogPosition:
        """What to give to `search` for the page after this line."""
        return LogPosition(self.line.recorded_at, self.id)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are meant: those that fit everything that is not None."""

    level: int | None = None
    """At least this one, as a number of Python's logging."""
    logger: str | None = None
    """This one, and those below it."""
    camera_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Logged at *since* or later, and before *until*."""


def record(conn: Connection, lines: Sequence[LogLine]) -> None:
    """Store *lines*."""
    if lines:
        conn.execute(insert(logs), [_row(line) for line in lines])


def search(
    conn: Connection, query: LogQuery, limit: int, before: LogPosition | None = None
) -> list[StoredLine]:
    """Return up to *limit* of the lines that *query* means, latest first.

    Of lines that were logged at the same moment the one that was stored later comes first. Only
    those that come after *before* in this order are returned, if it is given. Time is what is
    searched by; where only few lines fit, *since* keeps a search from looking through all.
    """
    page = select(logs).where(*_conditions(query))
    if before is not None:
        start = tuple_(literal(before.recorded_at, UtcDateTime), literal(before.id))
        page = page.where(tuple_(logs.c.recorded_at, logs.c.id) < start)
    page = page.order_by(logs.c.recorded_at.desc(), logs.c.id.desc()).limit(limit)
    return [_stored_line(row) for row in conn.execute(page)]


def _conditions(query: LogQuery) -> Iterator[ColumnElement[bool]]:
    if query.level is not None:
        yield logs.c.level >= query.level
    if query.logger is not None:
        name = clean(query.logger)
        yield or_(logs.c.logger == name, logs.c.logger.startswith(f"{name}.", autoescape=True))
    if query.camera_id is not None:
        yield logs.c.fields["camera_id"].as_string() == clean(query.camera_id)
    if query.since is not None:
        yield logs.c.recorded_at >= query.since
    if query.until is not None:
        yield logs.c.recorded_at < query.until


def _row(line: LogLine) -> dict[str, object]:
    return {
        "recorded_at": line.recorded_at,
        "level": line.level,
        "logger": clean(line.logger),
        "event": clean(line.event),
        "fields": line.fields,
    }


def _stored_line(row: Row[Any]) -> StoredLine:
    line = LogLine(row.recorded_at, row.level, row.logger, row.event, row.fields)
    return StoredLine(row.id, line)
