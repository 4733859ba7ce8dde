"""Look at the house: ask the daemon if one runs, else read its database.

The same documents either way, and a star is given in the same two ways. Reading changes nothing on
the disk, and makes none; where the queues are on Redis, asking for them makes their consumer groups
if they are missing, as every use does.
"""

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import trio
from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection

from hsid.api.asking import EventFilter, EventListing, in_words
from hsid.api.models import QueueReport, StatusReport
from hsid.api.report import (
    change_star,
    count,
    event_detail,
    event_page,
    event_stats,
    status_report,
)
from hsid.cli import client, terminal
from hsid.cli.alone import open_alone
from hsid.cli.client import Document
from hsid.cli.export import Asked
from hsid.config import Settings
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.queues.protocol import QueueError
from hsid.queues.sqlite_entries import SqliteEntries
from hsid.store.database import open_read_only
from hsid.store.errors import StoreError
from hsid.store.lock import LOCK_NAME
from hsid.store.search import UnknownPositionError

T = TypeVar("T")
Q = TypeVar("Q", bound=EventFilter)

TIMEOUT = 10.0

_QUEUES = (DETECTION_QUEUE, ANALYSIS_QUEUE)


def status(settings: Settings) -> Document:
    """Return the `StatusReport`; end the program in words if there is none to be had."""
    return _look(settings, "/v1/status", {}, partial(_read_status, settings=settings))


@dataclass(frozen=True, slots=True)
class Events:
    """The events, for the commands about them."""

    settings: Settings

    def page(self, asked: Asked) -> Document:
        """Return the `EventPage`; end the program in words if there is none to be had."""
        read = partial(event_page, listing=_validated(EventListing, asked))
        return _look(self.settings, "/v1/events", asked, read)

    def stats(self, asked: Asked) -> Document:
        """Return the `EventStats`; end the program in words if there are none to be had."""
        name = self.settings.timezone
        zone = ZoneInfo(name) if name else None
        read = partial(event_stats, events=_validated(EventFilter, asked), zone=zone)
        return _look(self.settings, "/v1/events/stats", asked, read)

    def event(self, event_id: int) -> Document:
        """Return the `EventDetail`; end the program in words if there is none to be had."""
        read = partial(event_detail, event_id=event_id)
        return _look(self.settings, f"/v1/events/{event_id}", {}, read)

    def change_star(self, event_id: int, *, starred: bool) -> Document:
        """Give or take a star, as the daemon or in the file; end the program if there is none."""
        change = partial(change_star, event_id=event_id, starred=starred, by="hsid events")
        path, missing = self.settings.control_socket_path, f"there is no event {event_id}"
        ask = partial(client.change_star, path, event_id, starred=starred, timeout=TIMEOUT)
        return _answer(self.settings, missing, ask, partial(_change, self.settings, change))


def _validated(kind: type[Q], asked: Asked) -> Q:
    try:
        return kind.model_validate(asked)
    except ValidationError as error:
        terminal.fail(f"hsid: {in_words(error.errors())}", client.RefusedError.exit_code)


def _read_status(conn: Connection, *, settings: Settings) -> StatusReport:
    if settings.redis_url is None:
        return status_report(count(conn), _queues_in(conn, settings))
    return status_report(count(conn), trio.run(_queues_on_server, settings))


def _queues_in(conn: Connection, settings: Settings) -> list[QueueReport]:
    queues = [SqliteEntries(name, capacity=settings.queue_max_size) for name in _QUEUES]
    return [QueueReport.of(queue.name, queue.stats_in(conn)) for queue in queues]


async def _queues_on_server(settings: Settings) -> list[QueueReport]:
    """Ask the server; what can't be asked is left out, in words on stderr."""
    from hsid.backing_on_redis import queue_on  # noqa: PLC0415 - the client library, for few
    from hsid.redis import RedisClient  # noqa: PLC0415 - likewise

    redis = RedisClient.of(settings)
    if redis is None:
        return []
    try:
        queues = [queue_on(redis, name, settings, consumer="status") for name in _QUEUES]
        return [QueueReport.of(queue.name, await queue.stats()) for queue in queues]
    except QueueError as error:
        terminal.warn(f"hsid: the queues can't be counted: {error}")
        return []
    finally:
        await redis.disconnect()


def _look(
    settings: Settings,
    target: str,
    query: Asked,
    read: Callable[[Connection], BaseModel | None],
) -> Document:
    ask = partial(client.get, settings.control_socket_path, target, query, timeout=TIMEOUT)
    return _answer(settings, f"there is nothing at {target}", ask, partial(_read, settings, read))


def _answer(
    settings: Settings,
    missing: str,
    ask: Callable[[], Document],
    work: Callable[[], BaseModel | None],
) -> Document:
    """Return what the daemon has to say if one runs, else what comes of *work* on its database.

    *missing* is said where it comes to nothing.
    """
    try:
        return ask()
    except (client.DaemonUnreachableError, client.NotPermittedError) as error:
        # The socket of a killed daemon may be closed to us, too, and says nothing then.
        if _is_daemon_running(settings):
            words = f"hsid: a daemon runs on {settings.data_dir}, but {error}"
            terminal.fail(words, error.exit_code)
    except client.ControlError as error:
        terminal.fail(f"hsid: {error}", error.exit_code)
    try:
        found = work()
    except UnknownPositionError as error:
        terminal.fail(f"hsid: {error}", client.NotFoundError.exit_code)
    except StoreError as error:
        terminal.fail(f"hsid: {error}", 1)
    if found is None:
        terminal.fail(f"hsid: {missing}", client.NotFoundError.exit_code)
    return found.model_dump(mode="json")


def _read(settings: Settings, read: Callable[[Connection], T]) -> T:
    with open_read_only(settings.database_url) as database, database.snapshot() as conn:
        return read(conn)


def _change(settings: Settings, change: Callable[[Connection], T]) -> T:
    with open_alone(settings) as database, database.transaction() as conn:
        return change(conn)


def _is_daemon_running(settings: Settings) -> bool:
    """Tell whether a daemon holds the lock of the data folder, without keeping it from one."""
    try:
        descriptor = os.open(settings.data_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # no lock, or not for our eyes: then the database isn't either
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
