"""The history of the graphics cards: one row for each card and look, for a limited time."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from hsid.model import GpuReading
from hsid.store.columns import clean
from hsid.store.schema import gpu_stats

_COLUMNS = tuple(each.name for each in fields(GpuReading))
_SINCE = (
    select(*(gpu_stats.c[name] for name in _COLUMNS))
    .where(gpu_stats.c.recorded_at >= bindparam("since"))
    .order_by(gpu_stats.c.recorded_at, gpu_stats.c.id)
)


def record(conn: Connection, readings: Sequence[GpuReading]) -> None:
    """Store *readings*."""
    if readings:
        conn.execute(insert(gpu_stats), [_row(reading) for reading in readings])


def history(conn: Connection, since: datetime) -> list[GpuReading]:
    """Return the readings from *since* on, earliest first."""
    rows = conn.execute(_SINCE, {"since": since})
    return [GpuReading(**row) for row in rows.mappings()]


def prune(conn: Connection, before: datetime) -> int:
    """Delete the readings from before *before*; return how many there were."""
    old = delete(gpu_stats).where(gpu_stats.c.recorded_at < bindparam("before"))
    return conn.execute(old, {"before": before}).rowcount


def _row(reading: GpuReading) -> dict[str, object]:
    values = {name: getattr(reading, name) for name in _COLUMNS}
    return {n: clean(value) if isinstance(value, str) else value for n, value in values.items()}
