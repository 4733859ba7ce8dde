"""The embedded queue: rows of the store, durable with the store's group commits.

Every change is on the disk when its call returns (`synchronous=FULL`). One process owns the file,
so "a consumer that went away" is an earlier process of this daemon.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import trio
from sqlalchemy import Connection

from hsid.model import Seconds
from hsid.queues.base import QueueBase, Taken
from hsid.queues.clock import Clock
from hsid.queues.dead_letters import requeue_limit
from hsid.queues.gathering import PutGathering
from hsid.queues.protocol import (
    DEFAULT_CAPACITY,
    MAX_REQUEUED,
    DeadLetter,
    Entry,
    Lease,
    PutReport,
    QueueOverflowPolicy,
    QueueStats,
    QueueUnavailableError,
    Settlement,
)
from hsid.queues.sqlite_entries import SqliteEntries
from hsid.queues.sqlite_rows import Row, row_of
from hsid.store.errors import StoreUnavailableError
from hsid.store.store import Store

T = TypeVar("T")

_LEASE_DEADLINE: Seconds = 10.0
"""How long a lease that is being cancelled may wait for the store to say what was taken."""


class SqliteQueue(SqliteEntries, QueueBase):
    """A `DurableQueue` in *store*; the methods `..._in` do the same inside a transaction."""

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        capacity: int = DEFAULT_CAPACITY,
        overflow: QueueOverflowPolicy = QueueOverflowPolicy.REJECT,
        max_requeued: int = MAX_REQUEUED,
        clock: Clock | None = None,
    ) -> None:
        SqliteEntries.__init__(self, name, capacity=capacity, overflow=overflow, clock=clock)
        QueueBase.__init__(self)
        self._store = store
        self._max_requeued = max_requeued
        self._puts = PutGathering[Row](self._put_rows)

    async def put(self, entries: Sequence[Entry]) -> PutReport:
        """Store *entries*, together with what others put meanwhile."""
        rows = [row_of(entry) for entry in entries]
        return await self._puts.put(rows) if rows else PutReport(())

    async def reclaim(self) -> int:
        """Make ready, in front of all others, what an earlier process held when it ended."""
        return await self._write(self.reclaim_in)

    async def begin(self, lease: Lease) -> Lease:
        """Count a handler's beginning durably, before it runs."""
        return await self._write(partial(self.begin_in, lease=lease))

    async def extend(self, leases: Sequence[Lease], *, duration: Seconds) -> None:
        """Let *leases* hold for *duration* from now."""
        await self._write(partial(self.extend_in, leases=leases, duration=duration))

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Lease]:
        """End leases in one transaction; return those that were lost."""
        lost = await self._write(partial(self.settle_in, settlements=settlements))
        self.wake()
        return lost

    async def requeue(
        self,
        ids: Sequence[str] | None = None,
        *,
        reason: str | None = None,
        limit: int | None = None,
    ) -> PutReport:
        """Put dead letters again."""
        most = requeue_limit(limit, self._max_requeued)
        call = partial(self.requeue_in, ids=ids, reason=reason, limit=most)
        report = await self._write(call)
        self.wake()
        return report

    async def discard(self, ids: Sequence[str]) -> int:
        """Delete dead letters."""
        return await self._write(partial(self.discard_in, ids=list(ids)))

    async def clear(self) -> int:
        """Delete what is ready or waits for its retry."""
        return await self._write(self.clear_in)

    async def stats(self) -> QueueStats:
        """Count what is there."""
        return await self._read(self.stats_in)

    async def peek(self, limit: int = 100) -> Sequence[Entry]:
        """Return the ready entries in the order in which they would be leased."""
        return await self._read(partial(self.peek_in, limit=limit))

    async def dead_letters(self, limit: int = 100) -> Sequence[DeadLetter]:
        """Return the latest dead letters."""
        return await self._read(partial(self.dead_letters_in, limit=limit))

    async def _take(self, limit: int, duration: Seconds) -> Taken:
        is_awaited = True

        def look(connection: Connection) -> Taken:
            if not is_awaited:
                return Taken(())  # nobody would hold what was leased now
            leases = self.lease_in(connection, limit, duration)
            return Taken(leases, None if leases else self.next_due_in(connection))

        with trio.move_on_after(_LEASE_DEADLINE, shield=True):
            return await self._write(look)
        is_awaited = False
        raise QueueUnavailableError(f"the store has not answered for {_LEASE_DEADLINE:g} s")

    async def _put_rows(self, rows: Sequence[Row]) -> PutReport:
        report = await self._write(partial(self.put_rows_in, rows=rows))
        self.wake()
        return report

    async def _write(self, call: Callable[[Connection], T]) -> T:
        with reaching_the_store():
            return await self._store.write(call)

    async def _read(self, call: Callable[[Connection], T]) -> T:
        with reaching_the_store():
            return await self._store.read(call)


@contextmanager
def reaching_the_store() -> Iterator[None]:
    """Turn the store's being away into the queue's; anything else passes."""
    try:
        yield
    except StoreUnavailableError as error:
        raise QueueUnavailableError(str(error)) from error
