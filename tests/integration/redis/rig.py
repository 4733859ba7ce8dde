"""What the tests of conditions share: an impatient pool, a queue on it, a consumer at work."""

from contextlib import asynccontextmanager, contextmanager

import trio

from benchmarks._queue_own import supervised
from hsid.constants import DETECTION_QUEUE
from hsid.queues.completion import Ack, Bury, Completion
from hsid.queues.consumer import Consumer
from hsid.queues.protocol import Entry
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.completer import RedisCompleter
from hsid.queues.redis.errors import RedisError
from hsid.queues.redis.pool import RedisPool
from hsid.queues.redis.queue import RedisQueue

PREFIX = "test:"
PATIENCE = 20
"""Seconds that anything may take here; nothing is judged by them."""


@contextmanager
def open_pool(url, **options):
    """Give a pool that does not wait long for what never comes."""
    times = {"connect_timeout": 2.0, "command_timeout": 0.4}
    pool = RedisPool(RedisAddress(url, **(times | options)))
    try:
        yield pool
    finally:
        pool.close()


def build_queue(pool, *, consumer="node", **options):
    return RedisQueue(pool, DETECTION_QUEUE, consumer=consumer, prefix=PREFIX, **options)


@contextmanager
def open_queue(url, **options):
    with open_pool(url) as pool:
        yield build_queue(pool, **options)


def entries(*names):
    return [Entry(name, {}) for name in names]


async def put(queue, *names):
    return await queue.put(entries(*names))


async def ready_in(queue):
    return [entry.id for entry in await queue.peek()]


async def error_of(call, *arguments):
    """Return what *call* raises about Redis, or None."""
    try:
        await call(*arguments)
    except RedisError as error:
        return error
    return None


async def until(condition):
    """Wait until *condition*, a plain or an async function, returns something true."""
    with trio.fail_after(PATIENCE):
        while True:
            found = condition()
            if found is True or (hasattr(found, "__await__") and await found):
                return
            await trio.sleep(0.01)


class Recorder:
    """A handler that notes what it has been given and acknowledges it."""

    def __init__(self):
        self.begun = []

    async def handle(self, lease):
        await trio.lowlevel.checkpoint()
        self.begun.append(lease.entry.id)
        return Completion(acks=(Ack(lease),))

    def give_up(self, lease, error):
        return Completion(acks=(Bury(lease, error),))


class Work:
    """A consumer under a supervisor that allows no restart: what raises there fails the test."""

    def __init__(self, queue, handler, **options):
        self.handler = handler
        self.consumer = Consumer(queue, RedisCompleter(None, [queue]), **options)
        self.root = supervised(self.consumer, handler)

    @property
    def is_degraded(self):
        return self.consumer.statistics().is_degraded

    def has_done(self, *names):
        counts = self.consumer.statistics()
        return set(names) <= set(self.handler.begun) and not counts.outstanding


@asynccontextmanager
async def working(queue, **options):
    """Run a consumer of *queue* until the block ends."""
    work = Work(queue, Recorder(), **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(work.root.run)
        yield work
        nursery.cancel_scope.cancel()
