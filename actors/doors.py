"""The doors: the control socket, and what its API is told of the running house."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from socket import socket
from zoneinfo import ZoneInfo

import trio

from hsid.api.app import create_app
from hsid.api.asking import EventFilter, EventListing
from hsid.api.audit import Audit, Change
from hsid.api.changes import Levers
from hsid.api.house_models import CameraList, ChangeList, GpuList
from hsid.api.levels import LevelControl
from hsid.api.log_models import LatencyReport, LineList, LogListing
from hsid.api.models import (
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
from hsid.api.queues import QueueControl
from hsid.api.report import (
    Counted,
    Running,
    camera_list,
    change_list,
    change_star,
    count,
    event_detail,
    event_page,
    event_stats,
    latency_report,
    line_list,
    status_report,
)
from hsid.api.server import SocketPathError, serve
from hsid.api.tree import TreeControl, actor_reports
from hsid.controls import Controls
from hsid.gpu.board import Card
from hsid.live import LiveFeed
from hsid.model import Event, Seconds
from hsid.observe.health import crowding, judge
from hsid.observe.latency import get_pipeline_latency_tracker
from hsid.queues.consumer import Consumer
from hsid.queues.protocol import DurableQueue, Payload, QueueStats, QueueUnavailableError
from hsid.retention.measuring import Measured
from hsid.reviving import revive
from hsid.roles import RoleStanding
from hsid.store import audit
from hsid.store.errors import StoreCorruptError, StoreUnavailableError
from hsid.store.store import Store
from supervision import BaseSupervisor, ChildSnapshot, Context, DoNotRestart

_COUNTING_DEADLINE: Seconds = 2.0
"""How long a page may wait for a database or a queue that does not answer."""


@dataclass(frozen=True, slots=True)
class HouseSource:
    """Answers the API's questions from the store and the supervision tree.

    *live* tells of events; *tree* looks at the tree, *outages* at what the house leans on, *cards*
    at the GPUs; *started_at* is the `trio.current_time` at which the daemon began.
    """

    store: Store
    queues: Sequence[DurableQueue]
    consumers: Mapping[str, Consumer]
    live: LiveFeed[Event]
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
        fills = ((queue.name, queue.fill_ratio) for queue in queues)
        crowded = crowding(fills, self.backpressure_threshold)
        health = judge(tree, waiting, [*outage, *self.outages(), *crowded])
        gpus = tuple(map(GpuReport.of, self.cards()))
        measured = self.measured()
        room = None if measured is None else RetentionReport.of(measured)
        roles = tuple(map(RoleReport.of, self.roles()))
        running = Running(os.getpid(), uptime, health, actor_reports(tree), gpus, room, roles)
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

    async def change_star(self, event_id: int, *, starred: bool, by: str) -> StarReport | None:
        """Give or take a star, and record it; None if there is no such event."""
        change = partial(change_star, event_id=event_id, starred=starred, by=by)
        return await self.store.write(change)

    async def cameras(self) -> CameraList:
        """Return all cameras."""
        return await self.store.read(camera_list)

    async def gpus(self) -> GpuList:
        """Return the graphics cards at the last look."""
        return GpuList(gpus=tuple(map(GpuReport.of, self.cards())))

    async def latency(self, window_minutes: int) -> LatencyReport:
        """Return how long uploads took from step to step in the last minutes."""
        return latency_report(get_pipeline_latency_tracker(), window_minutes)

    async def logs(self, listing: LogListing) -> LineList:
        """Return lines of the log, the latest first."""
        return await self.store.read(partial(line_list, listing=listing))

    async def changes(self, limit: int) -> ChangeList:
        """Return the latest changes that somebody asked for."""
        return await self.store.read(partial(change_list, limit=limit))


@dataclass(frozen=True, slots=True)
class HouseControls:
    """What the control socket may change: the tree under *root*, the *queues*, all of the *daemon*.

    *mailboxes* tells what waits in memory for which actor.
    """

    store: Store
    queues: Sequence[DurableQueue]
    root: Callable[[], BaseSupervisor]
    daemon: Controls
    mailboxes: Callable[[], Mapping[str, int]] = dict
    levels: LevelControl = field(default_factory=LevelControl)

    def open(self) -> Levers:
        """Return them as the API wants them; the tree must be there."""
        return Levers(
            audit=Audit(self._record),
            tree=TreeControl(self.root(), self.mailboxes),
            queues=QueueControl(self.queues, self._revive),
            daemon=self.daemon,
            levels=self.levels,
        )

    async def _record(self, change: Change) -> None:
        await self.store.write(partial(audit.record, **asdict(change)))

    async def _revive(self, queue: str, payloads: Sequence[Payload]) -> int:
        return await self.store.write(partial(revive, queue=queue, payloads=payloads))


@dataclass(frozen=True, slots=True)
class ControlSocket:
    """Serves the API of *source* and *controls* at *path*, or on the socket that was *passed*."""

    path: Path
    source: HouseSource
    controls: HouseControls
    passed: Callable[[], socket | None] = lambda: None
    """Return the listener that the service manager holds for us, if it does."""

    async def run(self, ctx: Context) -> None:
        """Serve until asked to stop; requests under way get a moment to finish.

        Raises:
            DoNotRestart: The socket can't be made at *path*, however often it is tried.
        """
        app = create_app(self.source, self.controls.open())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_streams, ctx.stopping)
            nursery.start_soon(self.controls.levels.run)
            try:
                where = self.passed() or self.path
                await serve(app, where, ready=ctx.ready, stopping=ctx.stopping)
            except SocketPathError as error:
                raise DoNotRestart(f"no control socket: {error}") from error
            nursery.cancel_scope.cancel()

    async def _end_streams(self, stopping: trio.Event) -> None:
        """Let those go who follow, so that a stop does not wait for them."""
        await stopping.wait()
        self.source.live.end()


async def _stats_of(queue: DurableQueue) -> QueueStats | None:
    """Count what *queue* holds; None if it can't be reached, of which health tells."""
    with trio.move_on_after(_COUNTING_DEADLINE):
        try:
            return await queue.stats()
        except QueueUnavailableError:
            return None
    return None
