"""The database for the daemon's tasks: durable writes, and reads of one moment.

One thread owns the one connection that writes, and, to a file, checkpoints. While it commits,
requests gather, and the next commit takes them all; a lone request is committed at once. Nobody
waits for company. Which kind of database it is, only `hsid.store.database` knows.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio
from sqlalchemy import Connection

from hsid.model import Seconds
from hsid.store.database import (
    Database,
    ReadOnlyDatabase,
    database_for_service,
    reader_for_service,
)
from hsid.store.errors import StoreCorruptError
from hsid.store.writer import Call, Inbox, Request, WriterStatistics, write_groups

T = TypeVar("T")

_SLOW: Seconds = 5.0
"""A transaction that takes longer is a trouble: nothing is stored meanwhile."""


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """What the store has done since the process began, and how it fares now."""

    commits: int
    calls: int
    failed_calls: int
    failed_commits: int
    largest_group: int
    in_flight: int
    """Requests waiting for their commit or in it."""
    reading: int
    last_fault: str | None
    """Why the last commit failed; None if it succeeded."""
    busy_for: Seconds
    """How long the transaction under way has taken; 0 if there is none."""

    @property
    def trouble(self) -> str | None:
        """What keeps the database from taking anything, in words; None if nothing does."""
        if self.last_fault is not None:
            return f"the database takes nothing: {self.last_fault}"
        if self.busy_for > _SLOW:
            why = "another process holds its write lock, or its disk or server is slow"
            return f"the database has taken nothing for {self.busy_for:.0f} s: {why}"
        return None


class Store:
    """The database that *url* names. Nothing is written unless `serve` runs; requests wait for it.

    Args:
        url: A URL, or the path of a SQLite file; `serve` makes and migrates a file.
        auto_migrate: Whether `serve` migrates a database on a server, too.
        prepare: What to write before anything else, each time `serve` begins.
        max_in_flight: How many requests may wait for their commit before callers are held back.
        max_readers: How many reads run at a time; unless given, as many as suit the database.
        drain_deadline: How long a stopping `serve` may take to commit what it was given.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        auto_migrate: bool = False,
        prepare: Call = lambda _connection: None,
        max_in_flight: int = 256,
        max_readers: int | None = None,
        drain_deadline: Seconds = 10,
    ) -> None:
        self._open = partial(database_for_service, url, auto_migrate=auto_migrate, prepare=prepare)
        self._drain_deadline = drain_deadline
        self._max_in_flight = max_in_flight
        self._slots = trio.Semaphore(max_in_flight)
        self._inbox = Inbox()
        self._counts = WriterStatistics()
        # Of one: a new writer waits until the thread of the one before is really gone.
        self._writing = trio.CapacityLimiter(1)
        self._readers = reader_for_service(url, max_readers=max_readers)
        self._reading = trio.CapacityLimiter(self._readers.size)

    async def serve(self, *, ready: Callable[[], None]) -> None:
        """Own the writing thread until cancelled; call *ready* once requests are taken.

        By then a file is open. A server is awaited for as long as it takes, and who writes
        meanwhile is told that it is away.

        May be called again after it ended. *Cancellation*: what was handed in before is committed
        first, for at most the drain deadline; then the thread is left to itself, and the next
        `serve` waits for its end.

        Raises:
            StoreCorruptError: The file is damaged.
            StoreUnavailableError: The file can't be opened. Once it is open, faults are raised at
                the callers only.
            SchemaTooNewError: A newer hsid has written it.
            SchemaOutdatedError: It is on a server, and waits for its migration.
            ForeignDatabaseError: It belongs to another program.
        """
        writer = _Writer(self._open, self._inbox, self._counts, self._finish)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run, self._writing)
            try:
                await writer.opened.wait()
                if writer.failure is None:
                    ready()
                await writer.ended.wait()
            finally:
                self._readers.close()  # before the writer: only the last to close empties the log
                writer.stop(self._drain_deadline)
        if writer.failure is not None:
            raise writer.failure

    async def write(self, call: Callable[[Connection], T]) -> T:
        """Run *call* in the writing transaction and return its result once that is durable.

        *call* runs in the writing thread: it is short, does not commit, and what it returns
        does not depend on the connection. If it raises, its own writes are undone.

        *Cancellation*: leaves at once; once it was handed in, the call is carried out all the same.

        Raises:
            StoreUnavailableError: Nothing was stored; try again later.
            StoreCorruptError: The database is damaged.
        """
        (outcome,) = await self.write_group([call])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def write_group(self, calls: Sequence[Callable[[Connection], T]]) -> list[T | Exception]:
        """Run *calls* in one transaction, and return for each its result or what it raised.

        As `write`, but one call's exception leaves the others' writes in place and is returned.
        """
        await self._slots.acquire()
        finished = trio.Event()
        request = Request(calls, finished.set)
        self._inbox.put(request)
        await finished.wait()
        return request.outcomes

    async def read(self, call: Callable[[Connection], T]) -> T:
        """Return what *call* makes of a snapshot of the database.

        *call* runs in a thread and can't write. What it returns does not depend on the connection.

        *Cancellation*: leaves at once; the thread ends by itself.

        Raises:
            StoreUnavailableError: There is no database yet, or it can't be read.
            StoreCorruptError: The file is damaged; `serve` ends with it, too.
        """
        try:
            return await trio.to_thread.run_sync(
                partial(_read, self._readers, call), abandon_on_cancel=True, limiter=self._reading
            )
        except StoreCorruptError as damage:
            self._inbox.put_damage(StoreCorruptError(str(damage)))
            raise

    def statistics(self) -> StoreStatistics:
        """Return the counts so far."""
        counts = self._counts
        since = counts.busy_since
        return StoreStatistics(
            commits=counts.commits,
            calls=counts.calls,
            failed_calls=counts.failed_calls,
            failed_commits=counts.failed_commits,
            largest_group=counts.largest_group,
            in_flight=self._max_in_flight - self._slots.value,
            reading=int(self._reading.borrowed_tokens),
            last_fault=counts.last_fault,
            busy_for=0.0 if since is None else time.monotonic() - since,
        )

    def _finish(self, requests: Sequence[Request]) -> None:
        for request in requests:
            self._slots.release()  # not by the caller: it may have left long ago
            request.done()


class _Writer:
    """One incarnation of the writing thread, seen from trio."""

    def __init__(
        self,
        open_: Callable[[], Database],
        inbox: Inbox,
        counts: WriterStatistics,
        finish: Callable[[Sequence[Request]], None],
    ) -> None:
        self.opened = trio.Event()
        """Set when the database is open, or never will be."""
        self.ended = trio.Event()
        self.failure: Exception | None = None
        self._open = open_
        self._inbox = inbox
        self._counts = counts
        self._finish = finish
        self._stop = threading.Event()
        self._scope = trio.CancelScope(shield=True)
        self._token = trio.lowlevel.current_trio_token()

    async def run(self, limiter: trio.CapacityLimiter) -> None:
        """Run the thread to its end."""
        try:
            with self._scope:
                await trio.to_thread.run_sync(self._work, abandon_on_cancel=True, limiter=limiter)
        except Exception as error:  # noqa: BLE001 - `serve` raises it, outside of the nursery
            self.failure = error
        self.opened.set()
        self.ended.set()

    def stop(self, deadline: Seconds) -> None:
        """Have the thread commit what it was given and end, within *deadline*."""
        self._inbox.put_end(self._stop)
        self._scope.deadline = trio.current_time() + deadline

    def _work(self) -> None:
        with self._open() as database:
            self._tell(self.opened.set)
            write_groups(database, self._inbox, self._stop, self._counts, self._report)

    def _report(self, requests: Sequence[Request]) -> None:
        self._tell(partial(self._finish, requests))

    def _tell(self, call: Callable[[], Any]) -> None:
        self._token.run_sync_soon(call)


def _read(database: ReadOnlyDatabase, call: Callable[[Connection], T]) -> T:
    with database.snapshot() as connection:
        return call(connection)
