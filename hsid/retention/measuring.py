"""What there is: of the store in one snapshot, of the disk as far as hsid has files there."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection

from hsid.media.names import Origin
from hsid.retention import disk
from hsid.retention.disk import Places
from hsid.retention.running import Database, in_thread
from hsid.retention_policy.decision import ALWAYS_KEPT, Limits, Situation
from hsid.retention_policy.forecast import Forecast, forecast, window
from hsid.store import growth, media, old_records, space
from hsid.store import retention as stored


@dataclass(frozen=True, slots=True)
class _Stored:
    beginning: stored.Beginning
    room: space.DatabaseSpace
    histories: dict[str, int]
    log_line_bytes: int
    starred: frozenset[Origin]
    starred_events: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What there is, and how long the room lasts."""

    situation: Situation
    forecast: Forecast


@dataclass(slots=True)
class LastMeasured:
    """What the last round of retention found, for the status; None before the first."""

    value: Measured | None = None


async def measure(database: Database, limits: Limits, places: Places, now: datetime) -> Measured:
    """Look at everything that counts. Reads all events if there are limits, and all file names."""
    known = await database.read(partial(_read, limits=limits, now=now))
    situation = await in_thread(partial(_situation, known, places, now))
    since, kept_since = now - window(limits, situation), now - limits.keep_for
    arrivals = await database.read(partial(growth.arrivals, since=since, kept_since=kept_since))
    return Measured(situation, forecast(limits, situation, arrivals))


def _read(conn: Connection, limits: Limits, now: datetime) -> _Stored:
    is_limited = limits.max_bytes is not None or limits.min_free_bytes is not None
    return _Stored(
        beginning=stored.beginning(conn),
        room=space.measure(conn),
        histories=stored.histories(conn) if is_limited else {},
        log_line_bytes=old_records.size_of_log(conn, now - ALWAYS_KEPT) if is_limited else 0,
        starred=media.starred(conn),
        starred_events=stored.count_stars(conn),
    )


def _situation(known: _Stored, places: Places, now: datetime) -> Situation:
    by_day, starred_bytes = _media(places, known.starred)
    return Situation(
        now=now,
        first_arrival=known.beginning.first_arrival,
        oldest_capture=known.beginning.oldest_capture,
        has_forgotten=known.beginning.has_forgotten,
        database_bytes=known.room.in_use + space.log_size(places.database),
        spare_bytes=known.room.spare,
        returns_space=known.room.is_returnable,
        free_bytes=disk.free_bytes(places),
        histories=known.histories,
        logs=disk.logs_put_aside(places),
        backups=disk.backups(places),
        media=by_day,
        starred_media_bytes=starred_bytes,
        starred_events=known.starred_events,
        log_line_bytes=known.log_line_bytes,
        open_log_bytes=disk.open_log_bytes(places),
        is_local=known.room.is_local,
        has_files_beside=disk.has_files_beside(places),
    )


def _media(places: Places, starred: frozenset[Origin]) -> tuple[dict[date, int], int]:
    by_day: Counter[date] = Counter()
    starred_bytes = 0
    for file, origin in disk.media_files(places):
        if origin in starred:
            starred_bytes += file.size
        else:
            by_day[file.modified_at.date()] += file.size
    return dict(by_day), starred_bytes
