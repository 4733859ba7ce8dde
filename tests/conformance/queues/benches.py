"""What the conformance tests run on: one bench for each backend, with a clock moved by hand."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path

import trio

from hsid.constants import DETECTION_QUEUE
from hsid.queues.completer import EmbeddedCompleter, OrderedCompleter
from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import DurableQueue, Entry, Lease, Priority
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
    """Builds queues of one backend; all of them read one clock."""

    def __init__(self, make, complete_with):
        self.clock = HandClock()
        self._make = make
        self._complete_with = complete_with
        self._queues = {}

    def build(self, name=DETECTION_QUEUE, **options) -> DurableQueue:
        self._queues[name] = self._make(name, clock=self.clock, **options)
        return self._queues[name]

    def completer(self):
        return self._complete_with(self._queues.values())


async def memory_bench(_path: Path, _nursery: trio.Nursery) -> Bench:
    return Bench(MemoryQueue, partial(OrderedCompleter, None))


async def sqlite_bench(path: Path, nursery: trio.Nursery) -> Bench:
    store = await open_store(path, nursery)
    return Bench(partial(SqliteQueue, store), partial(EmbeddedCompleter, store))


BACKENDS: dict[str, Callable[[Path, trio.Nursery], Awaitable[Bench]]] = {
    "memory": memory_bench,
    "sqlite": sqlite_bench,
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
