"""The doors: the control socket, and what its API is told of the running house."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import trio

from hsid.api.app import create_app
from hsid.api.asking import EventFilter, EventListing
from hsid.api.models import (
    ActorReport,
    EventDetail,
    EventPage,
    EventStats,
    GpuReport,
    QueueReport,
    RetentionReport,
    RoleReport,
    StarReport,
    StatusReport,
)
from hsid.api.report import (
    Counted,
    Running,
    change_star,
    count,
    event_detail,
    event_page,
    event_stats,
    status_report,
)
from hsid.api.server import SocketPathError, serve
from hsid.gpu.board import Card
from hsid.model import Seconds
from hsid.observe.health import judge
from hsid.queues.consumer import Consumer
from hsid.queues.protocol import DurableQueue, QueueStats, QueueUnavailableError
from hsid.retention.measuring import Measured
from hsid.roles import RoleStanding
from hsid.store.errors import StoreCorruptError, StoreUnavailableError
from hsid.store.store import Store
from supervision import ChildSnapshot, Context, DoNotRestart

READY = "ready"
"""The state of an actor that works."""
DOWN = ("backoff", "parked")
"""The states of one that is down, to be tried again."""
_BY = "control socket"
"""Who asked, in the record of changes: the socket tells no more of its users."""
_COUNTING_DEADLINE: Seconds = 2.0
"""How long a page may wait for a database or a queue that does not answer."""


@dataclass(frozen=True, slots=True)
class HouseSource:
    """Answers the API's questions from the store and the supervision tree.

    *tree* looks at the tree, *outages* at what the house leans on, *cards* at the GPUs;
    *started_at* is the `trio.current_time` at which the daemon began.
    """

    store: Store
    queues: Sequence[DurableQueue]
    consumers: Mapping[str, Consumer]
    tree: Callable[[], ChildSnapshot]
    started_at: Seconds
    outages: Callable[[], Iterable[str]] = tuple
    backpressure_threshold: float = 1.0
    """A queue filled to this share is a trouble."""
    cards: Callable[[], Iterable[Card]] = tuple
    timezone: str | None = None
    """The house's; None: this machine's."""
    measured: Callable[[], Measured | None] = lambda: None
    """What the last round of retention found."""
    roles: Callable[[], Iterable[RoleStanding]] = tuple

    async def status(self) -> StatusReport:
        """Return the accounting, the queues and the actors.

        A queue that is away is left out, and nothing is counted in a database that is.
        """
        uptime, tree = trio.current_time() - self.started_at, self.tree()
        waiting = [n for n, each in self.consumers.items() if each.statistics().is_degraded]
        asked = [(queue.name, await _stats_of(queue)) for queue in self.queues]
        queues = [QueueReport.of(name, stats) for name, stats in asked if stats is not None]
        counted, outage = await self._count()
        health = judge(tree, waiting, [*outage, *self.outages(), *self._crowding(queues)])
        gpus = tuple(map(GpuReport.of, self.cards()))
        measured = self.measured()
        room = None if measured is None else RetentionReport.of(measured)
        roles = tuple(map(RoleReport.of, self.roles()))
        running = Running(os.getpid(), uptime, health, _actor_reports(tree), gpus, room, roles)
        return status_report(counted, queues, running)

    async def _count(self) -> tuple[Counted | None, tuple[str, ...]]:
        """Return what the ledger holds; or why not, unless the outages say that already."""
        outage = "the database does not answer"
        with trio.move_on_after(_COUNTING_DEADLINE):
            try:
                return await self.store.read(count), ()
            except (StoreUnavailableError, StoreCorruptError) as error:
                outage = str(error)
        is_told = self.store.statistics().trouble is not None
        return None, () if is_told else (outage,)

    def _crowding(self, queues: Iterable[QueueReport]) -> Iterator[str]:
        for queue in queues:
            if queue.fill_ratio >= self.backpressure_threshold:
                yield f"{queue.name} is {queue.fill_ratio:.0%} full"

    async def events(self, listing: EventListing) -> EventPage:
        """Return a page of events, latest first."""
        return await self.store.read(partial(event_page, listing=listing))

    async def event_stats(self, events: EventFilter) -> EventStats:
        """Count events by the house's clock."""
        zone = ZoneInfo(self.timezone) if self.timezone else None
        return await self.store.read(partial(event_stats, events=events, zone=zone))

    async def event(self, event_id: int) -> EventDetail | None:
        """Return one event with its detections."""
        return await self.store.read(partial(event_detail, event_id=event_id))

    async def change_star(self, event_id: int, *, starred: bool) -> StarReport | None:
        """Give or take a star, and record it; None if there is no such event."""
        change = partial(change_star, event_id=event_id, starred=starred, by=_BY)
        return await self.store.write(change)


@dataclass(frozen=True, slots=True)
class ControlSocket:
    """Serves the API of *source* on a Unix socket at *path*."""

    path: Path
    source: HouseSource

    async def run(self, ctx: Context) -> None:
        """Serve until asked to stop; requests under way get a moment to finish.

        Raises:
            DoNotRestart: The socket can't be made at *path*, however often it is tried.
        """
        try:
            await serve(create_app(self.source), self.path, ready=ctx.ready, stopping=ctx.stopping)
        except SocketPathError as error:
            raise DoNotRestart(f"no control socket: {error}") from error


async def _stats_of(queue: DurableQueue) -> QueueStats | None:
    """Count what *queue* holds; None if it can't be reached, of which health tells."""
    with trio.move_on_after(_COUNTING_DEADLINE):
        try:
            return await queue.stats()
        except QueueUnavailableError:
            return None
    return None


def _actor_reports(root: ChildSnapshot) -> tuple[ActorReport, ...]:
    """Return every node below *root*, parents first."""
    return tuple(
        ActorReport(
            path=node.path.removeprefix(f"{root.path}/"),
            state=node.state,
            restarts=node.restarts,
            uptime_seconds=node.age if node.state == READY else None,
            next_try_seconds=_next_try(node),
            paused=node.is_paused,
            last_error=node.last_error,
        )
        for node in root.walk()
        if node is not root
    )


def _next_try(node: ChildSnapshot) -> Seconds | None:
    if node.state not in DOWN or node.deadline is None:
        return None
    return max(0.0, node.deadline - node.at)
