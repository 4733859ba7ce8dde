"""Records that only age, log lines and changes: deleted oldest first, a page at a time.

Nothing here begins or commits a transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, and_, delete, func, or_, select

from hsid.store.chunks import chunks
from hsid.store.schema import audit, logs

LOG_LINES, CHANGES = logs, audit

_OF_A_LOG_LINE = 400
"""What a line takes with its index, rather more than less."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of such a table."""

    recorded_at: datetime
    id: int


def page(
    conn: Connection, table: Table, *, before: datetime, after: Record | None, limit: int
) -> list[Record]:
    """Return up to *limit* records from before *before* that come *after* one, oldest first."""
    moment, key = table.c.recorded_at, table.c.id
    wanted = select(moment, key).where(moment < before)
    if after is not None:
        is_later = and_(moment == after.recorded_at, key > after.id)
        # The first condition alone is what the index is searched with.
        wanted = wanted.where(
            moment >= after.recorded_at, or_(moment > after.recorded_at, is_later)
        )
    rows = conn.execute(wanted.order_by(moment, key).limit(limit))
    return [Record(recorded_at, number) for recorded_at, number in rows]


def remove(conn: Connection, table: Table, records: Sequence[Record]) -> None:
    """Delete these records."""
    for some in chunks([record.id for record in records]):
        conn.execute(delete(table).where(table.c.id.in_(some)))


def size_of_log(conn: Connection, before: datetime) -> int:
    """Return about how many bytes the log lines from before *before* take."""
    count = conn.scalar(select(func.count()).where(logs.c.recorded_at < before))
    return (count or 0) * _OF_A_LOG_LINE


def size_of(records: Sequence[Record]) -> int:
    """Return about how many bytes these log lines take."""
    return len(records) * _OF_A_LOG_LINE
