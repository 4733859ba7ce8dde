"""What `hsid retention` does, with the database in hand."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import trio
from sqlalchemy import Connection

from hsid.cli.alone import open_alone
from hsid.cli.client import Document
from hsid.config import Settings
from hsid.retention.measuring import measure
from hsid.retention.settings import limits_of, places_of
from hsid.retention.sweep import Result, Sweep
from hsid.retention.work import Item
from hsid.retention_policy.planning import make_plan
from hsid.store.database import Database, ReadOnlyDatabase, open_read_only

T = TypeVar("T")


class Looking:
    """A `Database` for those who only read."""

    def __init__(self, database: ReadOnlyDatabase) -> None:
        self._database = database

    async def read(self, call: Callable[[Connection], T]) -> T:
        """Return what *call* makes of a snapshot."""
        with self._database.snapshot() as connection:
            return call(connection)

    async def write(self, call: Callable[[Connection], T]) -> T:
        """Refuse: a dry run that came here would be none."""
        raise NotImplementedError(call)


class Working:
    """A `Database` for a process that is alone with it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, call: Callable[[Connection], T]) -> T:
        """Return what *call* makes of the database as it is."""
        return await self.write(call)

    async def write(self, call: Callable[[Connection], T]) -> T:
        """Run *call* in a transaction."""
        with self._database.transaction() as connection:
            return call(connection)


def dry_run(settings: Settings) -> Document:
    """Return what a round would delete."""
    with open_read_only(settings.database_url) as database:
        return trio.run(partial(_sweep, settings, Looking(database), is_dry_run=True))


def real_run(settings: Settings) -> Document:
    """Do a round; return what was deleted.

    Raises:
        DataDirLockedError: A daemon runs, and does its own rounds.
        StoreError: There is no database, or it can't be used.
    """
    with open_alone(settings) as database:
        return trio.run(partial(_sweep, settings, Working(database), is_dry_run=False))


def status_of(settings: Settings) -> Document:
    """Return the limits in force and what there is."""
    with open_read_only(settings.database_url) as database:
        limits, places = limits_of(settings), places_of(settings)
        look = partial(measure, Looking(database), limits, places, datetime.now(UTC))
        measured = trio.run(look)
    situation, ahead = measured.situation, measured.forecast
    first = situation.first_arrival
    return {
        "retention_days": settings.retention_days,
        "log_retention_days": settings.log_retention_days,
        "retention_max_bytes": settings.retention_max_bytes,
        "retention_min_free_bytes": settings.retention_min_free_bytes,
        "delete_images": settings.delete_images,
        "database_bytes": situation.database_bytes,
        "unused_database_bytes": situation.spare_bytes,
        "log_bytes": situation.open_log_bytes + sum(log.size for log in situation.logs),
        "backup_bytes": sum(backup.size for backup in situation.backups),
        "media_bytes": situation.media_bytes,
        "used_bytes": situation.used_bytes,
        "free_bytes": situation.free_bytes,
        "first_arrival": None if first is None else first.isoformat(),
        "starred_events": situation.starred_events,
        "outlook": ahead.outlook.value,
        "days_left": ahead.days_left,
        "limit": None if ahead.limit is None else ahead.limit.value,
        "standstill": make_plan(limits, situation).standstill,
    }


async def _sweep(settings: Settings, database: Looking | Working, *, is_dry_run: bool) -> Document:
    items: list[Item] = []
    limits, places = limits_of(settings), places_of(settings)
    sweep = Sweep(database, limits, places, is_dry_run=is_dry_run, report=items.append)
    return _document(await sweep.run(), items, is_dry_run=is_dry_run)


def _document(result: Result, items: list[Item], *, is_dry_run: bool) -> Document:
    return {
        "dry_run": is_dry_run,
        "standstill": result.standstill,
        "remarks": list(result.remarks),
        "counts": {kind.value: count for kind, count in result.counts.items()},
        "items": [asdict(item) for item in items],
    }
