"""Reads the daemon's state for a page of metrics: queues, ledger, tree, disks, cards.

Each part has a deadline of its own and is left out if it can't be had in time, so that a page tells
what can be told while a server or a mount is away. Nothing is changed, and nothing raises.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import trio
from sqlalchemy import Connection

from hsid.gpu.board import Card
from hsid.model import Seconds
from hsid.observe.health import crowding, judge
from hsid.observe.logging_database import WAITING_LINES
from hsid.observe.metrics.state import (
    ConsumerState,
    DiskState,
    GpuState,
    HouseState,
    LedgerState,
    LogState,
    QueueState,
    StoreState,
)
from hsid.queues.consumer import Consumer
from hsid.queues.protocol import DurableQueue, QueueUnavailableError
from hsid.store import cameras, space, uploads
from hsid.store.errors import StoreError
from hsid.store.store import Store
from supervision import ChildSnapshot, LoopStatistics

_DEADLINE: Seconds = 2.0
"""How long a page may wait for a part that does not answer."""


@dataclass(frozen=True, slots=True)
class Sampler:
    """Knows where everything is read.

    *tree* and *loop* look at the supervision tree and the event loop, *outages* at what the house
    leans on, *cards* at the GPUs; *places* are folders by the name that their disk gets.
    """

    store: Store
    queues: Sequence[DurableQueue]
    consumers: Mapping[str, Consumer]
    tree: Callable[[], ChildSnapshot]
    loop: Callable[[], LoopStatistics]
    outages: Callable[[], Iterable[str]] = tuple
    is_redis_up: Callable[[], bool] | None = None
    """None where no Redis server is leant on."""
    backpressure_threshold: float = 1.0
    """A queue filled to this share is a trouble."""
    cards: Callable[[], Iterable[Card]] = tuple
    places: Mapping[str, Path] = field(default_factory=dict)
    _limiters: dict[str, trio.CapacityLimiter] = field(default_factory=dict)

    async def sample(self) -> HouseState:
        """Return everything as it is now."""
        queues: dict[str, QueueState] = {}
        disks: dict[str, DiskState] = {}
        ledgers: list[LedgerState] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read_ledger, ledgers)
            for queue in self.queues:
                nursery.start_soon(_count, queue, queues)
            for place, path in self.places.items():
                nursery.start_soon(self._measure, place, path, disks)
        counted = tuple(queues[queue.name] for queue in self.queues if queue.name in queues)
        tree, statistics = self.tree(), self.store.statistics()
        waiting = [n for n, each in self.consumers.items() if each.statistics().is_degraded]
        fills = ((queue.name, queue.depth / queue.capacity) for queue in counted)
        crowded = crowding(fills, self.backpressure_threshold)
        return HouseState(
            tree=tree,
            health=judge(tree, waiting, [*self.outages(), *crowded]),
            loop=self.loop(),
            log=LogState(len(WAITING_LINES), WAITING_LINES.dropped),
            store=StoreState(statistics.commits, statistics.failed_commits, statistics.in_flight),
            consumers=tuple(_consumed(*each) for each in self.consumers.items()),
            dependencies=tuple(self._dependencies(is_database_up=bool(ledgers))),
            queues=counted,
            ledger=ledgers[0] if ledgers else None,
            disks=tuple(disks[place] for place in self.places if place in disks),
            gpus=tuple(map(_gpu_state, self.cards())),
        )

    def _dependencies(self, *, is_database_up: bool) -> Iterator[tuple[str, bool]]:
        yield "database", is_database_up and self.store.statistics().trouble is None
        if self.is_redis_up is not None:
            yield "redis", self.is_redis_up()

    async def _read_ledger(self, ledgers: list[LedgerState]) -> None:
        with trio.move_on_after(_DEADLINE):
            try:
                ledgers.append(await self.store.read(_ledger_state))
            except StoreError:
                return  # the page says so: the database is not up

    async def _measure(self, place: str, path: Path, disks: dict[str, DiskState]) -> None:
        """Ask the file system at *path*; a mount that hangs holds one thread, however often."""
        limiter = self._limiters.setdefault(place, trio.CapacityLimiter(1))
        with trio.move_on_after(_DEADLINE):
            try:
                usage = await trio.to_thread.run_sync(
                    shutil.disk_usage, path, abandon_on_cancel=True, limiter=limiter
                )
            except OSError:
                return  # the folder is away: so is its line
            disks[place] = DiskState(place, usage.total, usage.free)


async def _count(queue: DurableQueue, queues: dict[str, QueueState]) -> None:
    with trio.move_on_after(_DEADLINE):
        try:
            stats = await queue.stats()
        except QueueUnavailableError:
            return  # the page says so: its lines are missing
        queues[queue.name] = QueueState(
            queue.name,
            stats.ready,
            stats.leased,
            stats.delayed,
            stats.dead,
            stats.capacity,
            stats.oldest_age,
        )


def _ledger_state(conn: Connection) -> LedgerState:
    seen = cameras.last_seen(conn)
    return LedgerState(
        accounting=uploads.accounting(conn),
        refusals=tuple(sorted(uploads.refusals(conn).items())),
        last_uploads=tuple((camera, moment) for camera, moment in seen.items() if moment),
        database_bytes=space.measure(conn).in_use,
    )


def _consumed(queue: str, consumer: Consumer) -> ConsumerState:
    numbers = consumer.statistics()
    names = ("committed", "discarded", "failed", "given_up", "lost", "rejected_puts")
    return ConsumerState(queue, tuple((name, getattr(numbers, name)) for name in names))


def _gpu_state(card: Card) -> GpuState:
    number = "unknown" if card.number is None else str(card.number)
    state = GpuState(card.uuid or number, card.name or "unknown", card.is_ok)
    if card.reading is None:
        return state
    return replace(
        state,
        utilization_ratio=card.reading.utilization_ratio,
        memory_used_bytes=card.reading.memory_used_bytes,
        memory_total_bytes=card.reading.memory_total_bytes,
        temperature_celsius=card.reading.temperature_celsius,
        power_watts=card.reading.power_watts,
    )
