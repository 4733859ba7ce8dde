"""Many requests, one commit: what the store's thread does with what has gathered.

A group is one transaction. Each request has a savepoint of its own, so that one that raises takes
nothing else with it; a fault of the storage takes the whole group, and then nothing of it was
stored. No trio here: the thread blocks on its inbox, in the database, and nowhere else.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any, TypeAlias

from sqlalchemy import Connection

from hsid.model import Seconds
from hsid.store.database import Database
from hsid.store.errors import HOPELESS, StoreCorruptError, StoreError, StoreUnavailableError
from hsid.store.faults import storage_fault

Call: TypeAlias = Callable[[Connection], Any]

_PROBE_AFTER: Seconds = 1.0
"""How often to look whether a database that is away has come back, while nobody writes."""


@dataclass(slots=True, eq=False)
class Request:
    """Calls that go into the same commit, and what became of each: its result or its exception."""

    calls: Sequence[Call]
    done: Callable[[], None]
    """Wakes the caller; called on the caller's side."""
    outcomes: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class WriterStatistics:
    """Counts since the start of the process. *last_fault* is None while commits succeed."""

    commits: int = 0
    calls: int = 0
    failed_calls: int = 0
    failed_commits: int = 0
    largest_group: int = 0
    last_fault: str | None = None
    busy_since: Seconds | None = None
    """The `time.monotonic` at which the transaction under way began."""

    @contextmanager
    def noting_how_long(self) -> Iterator[None]:
        """Note that a transaction is under way while the block runs."""
        self.busy_since = time.monotonic()
        try:
            yield
        finally:
            self.busy_since = None

    def add_commit(self, outcomes: Sequence[Any]) -> None:
        """Count a group that was stored."""
        self.commits += 1
        self.calls += len(outcomes)
        self.failed_calls += sum(isinstance(outcome, Exception) for outcome in outcomes)
        self.largest_group = max(self.largest_group, len(outcomes))
        self.last_fault = None


class Inbox:
    """Where requests gather. Filled from any thread, emptied by the writing one."""

    def __init__(self) -> None:
        self.damage: StoreCorruptError | None = None
        """What somebody else has met: no reason to go on writing."""
        self._queue: SimpleQueue[Request | Event] = SimpleQueue()

    def put(self, request: Request) -> None:
        """Leave *request*; it is taken in order of arrival."""
        self._queue.put(request)

    def put_damage(self, damage: StoreCorruptError) -> None:
        """Have the `take` loop end with *damage*."""
        self.damage = damage
        self._queue.put(Event())  # wakes it, and is passed over

    def put_end(self, stop: Event) -> None:
        """Have the `take` loop that ends with *stop* end, after all that was put before."""
        stop.set()
        self._queue.put(stop)

    def take(self, stop: Event, patience: Seconds | None = None) -> tuple[list[Request], bool]:
        """Wait for a request, take all there are; tell whether *stop* came up among them.

        None are taken if none comes within *patience* seconds. The end of an earlier loop is passed
        over: that loop had ended before it could see it.
        """
        items: list[Request | Event] = []
        try:
            items.append(self._queue.get(timeout=patience))
            while True:
                items.append(self._queue.get_nowait())
        except Empty:
            requests = [item for item in items if isinstance(item, Request)]
            return requests, any(item is stop for item in items)


def write_groups(
    database: Database,
    inbox: Inbox,
    stop: Event,
    statistics: WriterStatistics,
    report: Callable[[Sequence[Request]], None],
) -> None:
    """Commit what gathers in *inbox*, group by group, until *stop*; *report* each finished group.

    Raises:
        StoreError: One of `HOPELESS`, after the group that met it was reported.
    """
    is_last = False
    fault: Exception | None = _probe(database, statistics) if database.is_remote else None
    while not is_last:
        if isinstance(fault, HOPELESS):
            raise fault
        is_away = fault is not None and database.is_remote
        requests, is_last = inbox.take(stop, _PROBE_AFTER if is_away else None)
        if requests:
            fault = commit_group(database, requests, statistics)
            report(requests)
        elif is_away and not is_last:
            fault = _probe(database, statistics)
        fault = inbox.damage or fault
    if isinstance(fault, HOPELESS):
        raise fault


def _probe(database: Database, statistics: WriterStatistics) -> StoreError | None:
    """Look whether *database* can be written to; note and return why it can't."""
    try:
        with statistics.noting_how_long():
            database.run(lambda _connection: None)
    except StoreError as error:
        statistics.last_fault = str(error)
        return error
    statistics.last_fault = None
    return None


def commit_group(
    database: Database, requests: Sequence[Request], statistics: WriterStatistics
) -> Exception | None:
    """Carry out *requests* in one transaction and fill in their outcomes.

    Returns what made the group fail as a whole, which is every call's outcome then.
    """

    def carry_out(connection: Connection) -> None:
        for request in requests:
            request.outcomes = [_attempt(connection, call) for call in request.calls]

    try:
        with statistics.noting_how_long():
            database.run(carry_out)
    except Exception as error:  # noqa: BLE001 - it is raised at every caller
        for request in requests:
            request.outcomes = [_own(error) for _ in request.calls]
        statistics.failed_commits += 1
        statistics.last_fault = str(error)
        return error
    statistics.add_commit([outcome for request in requests for outcome in request.outcomes])
    return None


def _attempt(connection: Connection, call: Call) -> Any:
    connection.exec_driver_sql("SAVEPOINT request")
    try:
        result = call(connection)
    except Exception as error:
        fault = storage_fault(error)
        if fault is not None:
            raise fault from error
        connection.exec_driver_sql("ROLLBACK TO request")
        result = error
    connection.exec_driver_sql("RELEASE request")
    return result


def _own(error: Exception) -> Exception:
    """Return what one of several callers may raise without sharing a traceback with the others."""
    if not isinstance(error, StoreUnavailableError | StoreCorruptError):
        return error
    own = type(error)(str(error))
    own.__cause__ = error.__cause__
    return own
