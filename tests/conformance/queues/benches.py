"""What the conformance tests run on: one bench for each backend, with a clock moved by hand."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from functools import partial
from pathlib import Path

import trio
from sqlalchemy.exc import IntegrityError

from benchmarks._redis_server import RedisServer
from hsid.constants import DETECTION_QUEUE
from hsid.queues.completer import EmbeddedCompleter, MemoryCompleter
from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import DurableQueue, Entry, Lease, Priority, QueueUnavailableError
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.completer import RedisCompleter
from hsid.queues.redis.pool import RedisPool
from hsid.queues.redis.queue import RedisQueue
from hsid.queues.sqlite import SqliteQueue
from hsid.store.store import Store


class HandClock:
    """A clock that moves only when a test moves it."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


class Bench:
    """Builds queues of one backend; all of them read one clock.

    `fault` is a block in which the backend fails in the middle of a step.
    """

    def __init__(self, make, complete_with, fault):
        self.clock = HandClock()
        self.fault = fault
        self._make = make
        self._complete_with = complete_with
        self._queues = {}

    def build(self, name=DETECTION_QUEUE, **options) -> DurableQueue:
        self._queues[name] = self._make(name, clock=self.clock, **options)
        return self._queues[name]

    def completer(self):
        return self._complete_with(self._queues.values())


@asynccontextmanager
async def memory_bench(_path: Path, _server: RedisServer):
    yield Bench(MemoryQueue, partial(MemoryCompleter, None), cancelled)


@contextmanager
def cancelled():
    """There is no database to fail; what can happen to a step in memory is to be cancelled."""
    with trio.CancelScope() as scope:
        scope.cancel()
        yield


@asynccontextmanager
async def sqlite_bench(path: Path, _server: RedisServer):
    async with trio.open_nursery() as nursery:
        store = await open_store(path, nursery)
        make, complete_with = partial(SqliteQueue, store), partial(EmbeddedCompleter, store)
        yield Bench(make, complete_with, partial(refused_by_a_trigger, path / "hsid.db"))
        nursery.cancel_scope.cancel()


@contextmanager
def refused_by_a_trigger(path):
    """Have the database refuse the last statement of a step: the one that removes the entry."""
    refusal = "BEGIN SELECT RAISE(ABORT, 'fault'); END"
    change(path, f"CREATE TRIGGER fault BEFORE DELETE ON queue_entries {refusal}")
    with suppress(IntegrityError):  # the fault is the point; its report is the backend's own
        yield
    change(path, "DROP TRIGGER fault")


def change(path, statement):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)


@asynccontextmanager
async def redis_bench(_path: Path, server: RedisServer):
    with server.admin() as client:
        client.flushall()
    pool = RedisPool(RedisAddress(server.url))
    make = partial(RedisQueue, pool, consumer="node", prefix="test:")
    yield Bench(make, partial(RedisCompleter, None), partial(full_memory, server))
    pool.close()


@contextmanager
def full_memory(server):
    """Have the server refuse what needs memory, which is the beginning of most steps."""
    server.set_config(maxmemory="1")
    with suppress(QueueUnavailableError):
        yield
    server.set_config(maxmemory="0")


BACKENDS: dict[str, Callable[[Path, RedisServer], AbstractAsyncContextManager[Bench]]] = {
    "memory": memory_bench,
    "sqlite": sqlite_bench,
    "redis": redis_bench,
}


async def open_store(path: Path, nursery: trio.Nursery) -> Store:
    store, opened = Store(path / "hsid.db"), trio.Event()
    nursery.start_soon(partial(store.serve, ready=opened.set))
    await opened.wait()
    return store


def build_entries(*names: str) -> list[Entry]:
    """Build an entry for each name; one that ends in ! is urgent, the mark is not in its id."""
    return [
        Entry(name.rstrip("!"), {}, Priority.FAST if name.endswith("!") else Priority.NORMAL)
        for name in names
    ]


def ids(things: Iterable[Lease | Entry]) -> list[str]:
    return [thing.entry.id if isinstance(thing, Lease) else thing.id for thing in things]


async def take(queue: DurableQueue, limit=100) -> list[Lease]:
    return list(await queue.lease(limit, duration=60))


async def take_one(queue: DurableQueue) -> Lease:
    (lease,) = await queue.lease(1, duration=60)
    return lease
