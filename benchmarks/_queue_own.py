"""Our own queues as the daemon uses them: a supervised consumer, puts that await durability.

The consumer leases ahead as many entries as the prefetch of its channel allows; one handler takes
them one by one, and a completion counts when its acknowledgement is durable.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from benchmarks._queue_job import IN_FLIGHT, Job
from benchmarks._queue_tally import Mark, Tally, message
from hsid.queues.completer import EmbeddedCompleter
from hsid.queues.completion import Ack, Bury, Completion
from hsid.queues.consumer import Consumer
from hsid.queues.handling import Handler
from hsid.queues.protocol import DurableQueue, Entry, Lease
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.completer import RedisCompleter
from hsid.queues.redis.pool import RedisPool
from hsid.queues.redis.queue import RedisQueue
from hsid.queues.sqlite import SqliteQueue
from hsid.store.store import Store
from supervision import ChildSpec, Supervisor

_NAME = "detection_queue"
_CAPACITY = 1_000_000
_PREFETCH = 256
_LOOK_EVERY_S = 0.01


class _Handler:
    """Notes the message and acknowledges it."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    async def handle(self, lease: Lease) -> Completion:
        """Handle one message."""
        self._tally.note_handled(int(lease.entry.payload["number"]))
        return Completion(acks=(Ack(lease),))

    def give_up(self, lease: Lease, error: str) -> Completion:
        """Bury a message that could not be handled; it will be missing at the end."""
        return Completion(acks=(Bury(lease, error),))


async def produce_to_redis(job: Job) -> None:
    """Put the messages, IN_FLIGHT at a time or one by one with pauses."""
    pool = RedisPool(RedisAddress(job.target))
    queue = RedisQueue(pool, _NAME, consumer="producer", capacity=_CAPACITY)
    await queue.stats()  # the connection and the script are there before the first put
    await _produce(queue, job)
    pool.close()


async def consume_from_redis(job: Job) -> None:
    """Handle the messages."""
    pool = RedisPool(RedisAddress(job.target))
    queue = RedisQueue(pool, _NAME, consumer="consumer", capacity=_CAPACITY)
    consumer = Consumer(queue, RedisCompleter(None, [queue]), prefetch=_PREFETCH)
    await _consume(consumer, job.open_tally())
    pool.close()


async def embedded(job: Job) -> None:
    """Put and handle the messages in one process."""
    store = Store(Path(job.target))
    async with _serving(store):
        queue = SqliteQueue(store, _NAME, capacity=_CAPACITY)
        consumer = Consumer(queue, EmbeddedCompleter(store, [queue]), prefetch=_PREFETCH)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_consume, consumer, job.open_tally())
            await _produce(queue, job)


@asynccontextmanager
async def _serving(store: Store) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        is_open = trio.Event()
        nursery.start_soon(partial(store.serve, ready=is_open.set))
        await is_open.wait()
        yield
        nursery.cancel_scope.cancel()


async def _produce(queue: DurableQueue, job: Job) -> None:
    tally = job.open_tally()
    while not tally.at(Mark.READY):  # noqa: ASYNC110 - it may be another process's
        await trio.sleep(_LOOK_EVERY_S)
    numbers = iter(range(tally.count))
    tally.mark(Mark.BEGAN)
    async with trio.open_nursery() as nursery:
        for _ in range(1 if job.pause else IN_FLIGHT):
            nursery.start_soon(_put_all, queue, numbers, job.pause, tally)
    tally.mark(Mark.SENT)


async def _put_all(queue: DurableQueue, numbers: Iterator[int], pause: float, tally: Tally) -> None:
    for number in numbers:
        if pause:
            await trio.sleep(pause)
        tally.note_sent(number)
        await queue.put([Entry(f"message-{number}", message(number))])


def supervised(consumer: Consumer, handler: Handler) -> Supervisor:
    """Return the tree of *consumer* with one handler: none of them is restarted."""
    children = [
        ChildSpec("committer", consumer.run_committer),
        ChildSpec("pump", consumer.run_pump),
        ChildSpec("handler", partial(consumer.serve, handler)),
    ]
    return Supervisor("consumer", children, intensity=0)


async def _consume(consumer: Consumer, tally: Tally) -> None:
    supervisor = supervised(consumer, _Handler(tally))
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        tally.mark(Mark.READY)
        while consumer.statistics().committed < tally.count:  # noqa: ASYNC110 - counts tell nobody
            await trio.sleep(_LOOK_EVERY_S)
        tally.mark(Mark.ENDED)
        supervisor.stop()
