"""Queues on Redis by their names, for those who put and take in a word.

The queues are those of the actors, on streams. What `get_from_queue` takes is gone from its queue,
while actors lease and acknowledge (`RedisQueue`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias
from uuid import uuid4

import structlog
import trio

from hsid.config import Settings
from hsid.model import Seconds
from hsid.queues.overflow import pressure
from hsid.queues.protocol import (
    DEFAULT_CAPACITY,
    Entry,
    LeaseLostError,
    Priority,
    QueueAddResult,
    QueueOverflowPolicy,
    QueuePressureMetrics,
)
from hsid.queues.redis.entries import RedisEntries
from hsid.queues.redis.pool import RedisPool
from hsid.queues.redis.queue import RedisQueue

Json: TypeAlias = Any
"""What JSON can hold."""

_CONSUMER = "client"  # one name for all: none reclaims, and tokens tell their leases apart
_POP_LEASE: Seconds = 60.0
_POP_ACK_DEADLINE: Seconds = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How full a queue may be and what happens then, where a call doesn't say otherwise."""

    max_size: int = DEFAULT_CAPACITY
    overflow_policy: QueueOverflowPolicy = QueueOverflowPolicy.REJECT
    backpressure_threshold: float = 0.8

    @classmethod
    def of(cls, settings: Settings) -> "QueueRules":
        """Return what *settings* say."""
        return cls(
            settings.queue_max_size,
            QueueOverflowPolicy(settings.queue_overflow_policy),
            settings.queue_backpressure_threshold,
        )


class QueueCalls:
    """What can be asked of any queue on the server of *pool*.

    Args:
        pool: Connections to the server.
        prefix: What the queues' names begin with in Redis.
        rules: How full they may be.
    """

    def __init__(self, pool: RedisPool, *, prefix: str, rules: QueueRules) -> None:
        self.pool = pool
        self._prefix = prefix
        self._rules = rules
        self._queues: dict[str, RedisQueue] = {}

    async def add_to_queue_safe(
        self,
        queue_name: str,
        data: Mapping[str, Json],
        max_size: int | None = None,
        overflow_policy: QueueOverflowPolicy | None = None,
        dlq_name: str | None = None,
        *,
        id_: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> QueueAddResult:
        """Put *data* into a queue, and say what became of it.

        Args:
            queue_name: The queue.
            data: What whoever takes it gets.
            max_size: How many unsettled entries fill the queue.
            overflow_policy: What a full queue does.
            dlq_name: Where the policy `DLQ` moves the oldest; `dlq:overflow:` and the queue's name
                unless told otherwise.
            id_: The same id is the same work, and is queued once; unset: each call is new work.
            priority: Which entries are taken first.
        """
        queue = self._queue(queue_name)
        rules = RedisEntries(
            queue_name,
            prefix=self._prefix,
            consumer=_CONSUMER,
            capacity=max_size or self._rules.max_size,
            overflow=overflow_policy or self._rules.overflow_policy,
            overflow_list=dlq_name,
        )
        entry = Entry(id_ or uuid4().hex, data, priority)
        report = await queue.write(partial(rules.put_in, entries=[entry]))
        (result,) = report.results
        if report.evicted or not result.is_stored:
            _log.warning("queue_overflow", queue=queue_name, result=result.value)
        return result

    async def get_from_queue(
        self,
        queue_name: str,
        timeout: Seconds = 0,  # noqa: ASYNC109 - the name that callers know; 0 is no deadline
    ) -> dict[str, Json] | None:
        """Take the next entry out of a queue, waiting up to *timeout* for it; 0 waits without end.

        It is done when this returns: if the caller then fails, nobody does the work. Work that
        must not be lost is leased (`RedisQueue.lease`).

        *Cancellation*: exact. What was taken is returned.
        """
        queue, deadline = self._queue(queue_name), trio.current_time() + (timeout or math.inf)
        while True:
            left = max(0.0, deadline - trio.current_time())
            leases = await queue.lease(1, duration=_POP_LEASE, max_wait=left)
            if not leases:
                return None
            with trio.move_on_after(_POP_ACK_DEADLINE, shield=True):
                try:
                    await queue.ack(leases)
                except LeaseLostError:
                    continue  # it took so long that the entry is another's
                return dict(leases[0].entry.payload)

    async def get_queue_length(self, queue_name: str) -> int:
        """Return how many entries are not settled."""
        return (await self._queue(queue_name).stats()).depth

    async def get_queue_pressure(
        self, queue_name: str, max_size: int | None = None
    ) -> QueuePressureMetrics:
        """Return how full a queue is."""
        stats = await self._queue(queue_name).stats()
        return pressure(
            queue_name,
            replace(stats, capacity=max_size or self._rules.max_size),
            threshold=self._rules.backpressure_threshold,
            policy=self._rules.overflow_policy,
        )

    async def peek_queue(
        self, queue_name: str, start: int = 0, end: int = 100, max_items: int = 1000
    ) -> list[dict[str, Json]]:
        """Return what is ready from place *start* to place *end*, both included, as it is taken.

        Negative places count from the end, -1 is the last. No more than *max_items*.
        """
        queue = self._queue(queue_name)
        if min(start, end) < 0:
            ready = (await queue.stats()).ready
            start, end = (place + ready if place < 0 else place for place in (start, end))
        start = max(0, start)
        limit = min(end + 1, start + max_items)
        entries = await queue.peek(limit) if limit > start else ()
        return [dict(entry.payload) for entry in entries[start:]]

    async def clear_queue(self, queue_name: str) -> int:
        """Delete what nobody has leased; return how many entries that were."""
        return await self._queue(queue_name).clear()

    def _queue(self, name: str) -> RedisQueue:
        if name not in self._queues:
            self._queues[name] = RedisQueue(
                self.pool,
                name,
                consumer=_CONSUMER,
                prefix=self._prefix,
                capacity=self._rules.max_size,
                overflow=self._rules.overflow_policy,
            )
        return self._queues[name]
