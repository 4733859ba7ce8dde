"""The shared queue: streams in Redis, whose consumer groups deal the work out to all nodes.

A change is in the server's memory when its call returns, and as durable as its `appendfsync` says:
with `always` on the disk, with `everysec` within a second. What the server has lost comes back out
of the ledger. Two connections are the queue's own: what is put and settled goes over one, and on
the other one the consumer waits.
"""

import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import redis
import structlog
import trio

from hsid.model import Seconds
from hsid.queues.base import SettlesOneByOne
from hsid.queues.clock import Clock
from hsid.queues.dead_letters import requeue_limit
from hsid.queues.gathering import PutGathering
from hsid.queues.protocol import (
    DEFAULT_CAPACITY,
    MAX_REQUEUED,
    Ack,
    Bury,
    DeadLetter,
    Entry,
    Lease,
    LeaseLostError,
    PutReport,
    QueueOverflowPolicy,
    QueueStats,
    Settlement,
)
from hsid.queues.redis.connection import LONGEST_BLOCK, Call
from hsid.queues.redis.entries import Look, RedisEntries
from hsid.queues.redis.errors import RedisGroupMissingError
from hsid.queues.redis.pool import RedisPool

T = TypeVar("T")

_RESCUE_EVERY: Seconds = 60.0
_RESCUE_AFTER: Seconds = 60.0

_log = structlog.get_logger(__name__)


class RedisQueue(SettlesOneByOne):
    """A `DurableQueue` on the server of *pool*.

    Args:
        pool: Connections to the server.
        name: The queue's name.
        consumer: Who leases here: a name that the node keeps over restarts and shares with none.
        prefix: What all keys of the queue begin with.
        capacity: How many unsettled entries it holds; those that are put beyond meet *overflow*.
        overflow: What a full queue does.
        max_requeued: How many dead letters one call puts back.
        on_lost: Called when the server turns out to have lost the queue, or was restarted or
            replaced and may have lost the end of it. What was in it is to be put again from
            elsewhere.
        clock: Seconds since 1970; None for the server's clock, which all nodes share.
    """

    def __init__(  # noqa: PLR0913 - each is one property, given by keyword
        self,
        pool: RedisPool,
        name: str,
        *,
        consumer: str,
        prefix: str = "",
        capacity: int = DEFAULT_CAPACITY,
        overflow: QueueOverflowPolicy = QueueOverflowPolicy.REJECT,
        max_requeued: int = MAX_REQUEUED,
        on_lost: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        self.entries = RedisEntries(
            name,
            prefix=prefix,
            consumer=consumer,
            capacity=capacity,
            overflow=overflow,
            clock=clock,
        )
        self._pool = pool
        self._max_requeued = max_requeued
        self._writer = pool.dedicated()
        self._reader = pool.dedicated()
        self._on_lost = on_lost
        self._is_made = False
        self._histories: frozenset[str | None] = frozenset()
        self._puts = PutGathering[Entry](self._put)
        self._hints = 0
        self._waits: set[trio.CancelScope] = set()
        self._unseen: tuple[str, ...] = ()
        self._rescue_at = -math.inf

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.entries.name

    def wake(self) -> None:
        """Have waiting consumers look again, for what this process gave back.

        Of what is put they hear from the server, of what other nodes give back within a second.
        """
        self._hints += 1
        for wait in self._waits:
            wait.cancel()

    async def put(self, entries: Sequence[Entry]) -> PutReport:
        """Store *entries*, together with what others put meanwhile."""
        return await self._puts.put(entries) if entries else PutReport(())

    async def lease(
        self, limit: int, *, duration: Seconds, max_wait: Seconds = 0
    ) -> Sequence[Lease]:
        """Take up to *limit* ready entries, waiting up to *max_wait* for the first."""
        await self._rescue_in_time()
        give_up_at = trio.current_time() + max_wait
        hints, look = self._hints, await self._look(limit, duration)
        while not look.leases and (left := give_up_at - trio.current_time()) > 0:
            # A hint during the last look may have been about something that came too late for it.
            is_news = hints != self._hints
            block = 0 if is_news else min(left, look.next_due, LONGEST_BLOCK)
            hints, look = self._hints, await self._look(limit, duration, look, block)
        return look.leases

    async def reclaim(self) -> int:
        """Make ready, in front of all others, what this consumer held when it went away."""
        count = await self.write(self.entries.reclaim_in)
        self.wake()
        return count

    async def begin(self, lease: Lease) -> Lease:
        """Count a handler's beginning durably, before it runs."""
        if not await self.write(partial(self.entries.begin_in, lease=lease)):
            raise LeaseLostError([lease])
        return replace(lease, begun=lease.finished_tries, is_begun=True)

    async def extend(self, leases: Sequence[Lease], *, duration: Seconds) -> None:
        """Let *leases* hold for *duration* from now."""
        if leases:
            await self.write(partial(self.entries.extend_in, leases=leases, duration=duration))

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Lease]:
        """End leases in one step; return those that were lost."""
        if not settlements:
            return []
        lost = await self.write(partial(self.entries.settle_in, settlements=settlements))
        self.hint_at(settlements)
        return lost

    def hint_at(self, settlements: Sequence[Settlement]) -> None:
        """Wake waiting consumers if *settlements* gave something back."""
        if not all(isinstance(item, Ack | Bury) for item in settlements):
            self.wake()

    async def stats(self) -> QueueStats:
        """Count what is there."""
        return await self._ask(self.entries.stats_in)

    async def peek(self, limit: int = 100) -> Sequence[Entry]:
        """Return the ready entries in the order in which they would be leased."""
        return await self._ask(partial(self.entries.peek_in, limit=limit))

    async def clear(self) -> int:
        """Delete what is ready or waits for its retry, portion by portion."""
        bound, count = (await self.stats()).depth, 0
        while (deleted := await self.write(self.entries.clear_in)) and count < bound:
            count += deleted
        return count + deleted

    async def dead_letters(self, limit: int = 100) -> Sequence[DeadLetter]:
        """Return the latest dead letters."""
        return await self._ask(partial(self.entries.dead_letters_in, limit=limit))

    async def requeue(
        self,
        ids: Sequence[str] | None = None,
        *,
        reason: str | None = None,
        limit: int | None = None,
    ) -> PutReport:
        """Put dead letters again, portion by portion."""
        limit = requeue_limit(limit, self._max_requeued)
        if ids is None or reason is not None:
            search = partial(self.entries.dead_ids_in, among=ids, reason=reason, limit=limit)
            ids = await self._ask(search)
        return await self.write(partial(self.entries.requeue_in, ids=ids[:limit]))

    async def discard(self, ids: Sequence[str]) -> int:
        """Delete dead letters, portion by portion."""
        return await self.write(partial(self.entries.discard_in, ids=ids)) if ids else 0

    async def mend(self) -> None:
        """Make the queue's consumer groups, if they are missing; tell so if they were there."""
        was_missing = await self._writer.run(self.entries.mend_in)
        self._tell_if_lost(is_missing=was_missing and self._is_made)
        self._is_made = True

    async def write(self, call: Call[T]) -> T:
        """Carry *call* out on the connection for writing, again if the queue had to be mended."""
        return await self._mending(self._writer.run, call)

    async def run_writing(self, call: Call[T]) -> T:
        """Carry *call* out on the connection for writing, as it is."""
        return await self._writer.run(call)

    async def _rescue_in_time(self) -> None:
        """Look now and then for entries that no node has a lease of, and none could ever get."""
        if trio.current_time() < self._rescue_at:
            return
        count = await self.write(partial(self.entries.rescue_in, idle=_RESCUE_AFTER))
        self._rescue_at = trio.current_time() + _RESCUE_EVERY
        if count:
            _log.warning("entries_rescued", queue=self.name, count=count)

    async def _look(
        self, limit: int, duration: Seconds, last: Look | None = None, block: Seconds = 0
    ) -> Look:
        """Lease what is ready; wait first, up to *block*, for what is put after the *last* look."""
        token, unseen = secrets.token_hex(8), self._unseen
        last_ids = last.last_ids if last is not None and block > 0 else None

        def call(client: redis.Redis) -> Look:
            if last_ids is not None:
                self.entries.wait_in(client, last_ids, block)
            return self.entries.look_in(client, limit, duration, token=token, unseen=unseen)

        look: Look | None = None
        wait = trio.CancelScope()
        if last_ids is not None:
            self._waits.add(wait)  # a hint ends it
        try:
            with wait:
                look = await self._mending(self._reader.run_blocking, call)
        finally:
            self._waits.discard(wait)
            # What was leased without our hearing of it is given back at the next look.
            self._unseen = (*unseen, token) if look is None else ()
        return self._noted(Look() if look is None else look)

    def _noted(self, look: Look) -> Look:
        if look.vanished:
            _log.error("entries_vanished", queue=self.name, count=look.vanished)
            self._on_lost()
        return look

    async def _put(self, entries: Sequence[Entry]) -> PutReport:
        return await self.write(partial(self.entries.put_in, entries=entries))

    async def _ask(self, call: Call[T]) -> T:
        return await self._mending(self._pool.run, call)

    async def _mending(self, run: Callable[[Call[T]], Awaitable[T]], call: Call[T]) -> T:
        if not self._is_made:
            await self.mend()  # from now on a missing group is a loss
        try:
            result = await run(call)
        except RedisGroupMissingError:
            await self.mend()
            result = await run(call)
        self._tell_if_lost()
        return result

    def _tell_if_lost(self, *, is_missing: bool = False) -> None:
        """Have the queue filled again if the server lost it, or may have lost the end of it.

        A server that was restarted, or that took over from another one, may lack what came last.
        """
        known = self._histories
        self._histories |= {self._writer.history, self._reader.history} - {None}
        if is_missing:
            _log.warning("queue_lost", queue=self.name, by="the Redis server")
        elif known and known != self._histories:
            _log.warning("queue_server_changed", queue=self.name)
        else:
            return
        self._on_lost()
