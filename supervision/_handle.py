"""What all supervisors are to their users: a handle to run, manage and watch what is below it."""

import math
import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import TypedDict, assert_never

import trio

from supervision._backoff import Backoff
from supervision._context import Context, Services
from supervision._core._messages import (
    Done,
    Input,
    NotStarted,
    PauseChild,
    Refusal,
    ResetChild,
    RestartChild,
    Stop,
    TerminateChild,
    Ticket,
)
from supervision._errors import (
    REFUSALS,
    ChildNotFound,
    ChildStartFailed,
    SpecError,
    SupervisorAlreadyRunning,
    SupervisorNotRunning,
    WouldDeadlock,
)
from supervision._events import EventSink
from supervision._hard_exit import ExitFunction, exit_process
from supervision._life import Life, escalation
from supervision._loop_monitor import LoopMonitor
from supervision._outcome import ChildId, Seconds
from supervision._pulse import Pulse
from supervision._restart import Restart
from supervision._runner import ancestry
from supervision._services import NestedServices, RootServices
from supervision._snapshot import (
    ChildCounts,
    ChildSnapshot,
    SupervisorStatistics,
    count_children,
    snapshot_children,
    snapshot_root,
    supervisor_statistics,
)
from supervision._spec import ChildSpec, Kind, OnExhausted, SupervisorSpec

_DEFAULT_BACKOFF = Backoff()


class TreeOptions(TypedDict, total=False):
    """What the root decides for the whole tree; of a nested supervisor only *sink* and *rng* count.

    *sink*: where events go; the logger `supervision` unless given.
    *rng*: where the seeds of the jitter come from.
    *hard_exit_after*: seconds that the stop of the root may take, and that zombies of any
    supervisor may outlive it, before the process ends; 30 unless given.
    *exit_function*: what ends the process, given the exit status.
    *loop_monitor*: what finds the task that holds up the event loop; nothing unless given.
    *pulse*: what to call from the root's own loop, again and again; nothing unless given.
    """

    sink: EventSink | None
    rng: random.Random | None
    hard_exit_after: Seconds
    exit_function: ExitFunction
    loop_monitor: LoopMonitor | None
    pulse: Pulse | None


class BaseSupervisor:
    """Starts children, restarts those that fail, stops them.

    The object is the description and the handle; each run is a fresh life. So it can itself be a
    child that is restarted: put it among another one's children as it is, or as `as_child(...)` to
    say more.
    """

    def __init__(self, spec: SupervisorSpec, options: TreeOptions) -> None:
        self.spec = spec
        self._sink = options.get("sink")
        self._rng = options.get("rng")
        self._hard_exit_after = options.get("hard_exit_after", 30.0)
        self._exit_function = options.get("exit_function", exit_process)
        self._loop_monitor = options.get("loop_monitor")
        self._pulse = options.get("pulse")
        if not self._hard_exit_after > 0:
            owner = f"Supervisor {spec.id!r}"
            raise SpecError(owner, "hard_exit_after", "must be above 0 seconds")
        self._life: Life | None = None
        self._is_running = False
        self._is_stop_wanted = False
        self._stopped = trio.Event()

    @property
    def id(self) -> ChildId:
        """The name it was given."""
        return self.spec.id

    def as_child(
        self,
        *,
        restart: Restart = Restart.PERMANENT,
        lenient_start: bool = False,
        backoff: Backoff = _DEFAULT_BACKOFF,
        on_exhausted: OnExhausted = OnExhausted.ESCALATE,
        cooldown: Seconds = 60.0,
        significant: bool = False,
    ) -> ChildSpec:
        """Return the spec that makes it a child: without limits on its start and stop (D12)."""
        return ChildSpec(
            self.id,
            self,
            kind=Kind.SUPERVISOR,
            start_timeout=math.inf,
            drain=math.inf,
            grace=math.inf,
            restart=restart,
            lenient_start=lenient_start,
            backoff=backoff,
            on_exhausted=on_exhausted,
            cooldown=cooldown,
            significant=significant,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run as the root of a tree until stopped; `nursery.start` waits until all are ready.

        Cancellation: the children are stopped in order first, then the cancel is passed on.

        Raises:
            IntensityExceeded: too many restarts.
            ChildStartFailed: a child was not ready at the first start.
            FatalChildError: a child said that restarting can't help.
            ZombieBlocksRestart: an exclusive child would not die.
            SupervisorAlreadyRunning: it runs already.
        """
        announced = trio.Event()

        def announce() -> None:
            announced.set()
            task_status.started()

        services = RootServices(self._sink, self._rng, self._exit_function)
        monitor = self._loop_monitor
        with monitor.watching(self.id, services) if monitor else nullcontext():
            # The limit on the stop is one on zombies, too.
            await self._run(self.id, services, announce, None, self._hard_exit_after, math.inf)
        if not announced.is_set():  # stopped while starting: who waits has waited enough
            task_status.started()

    async def __call__(self, ctx: Context) -> None:
        """Run as a child, one life for each incarnation."""
        services = NestedServices(ctx.services, self._sink, self._rng)
        await self._run(
            ctx.path, services, ctx.ready, ctx.stopping, math.inf, self._hard_exit_after
        )
        if not ctx.is_ready:  # it shut itself down while starting: that is an end, not a failure
            ctx.ready()

    def stop(self, *, urgent: bool = False) -> None:
        """Begin the stop of all children, last one first; *urgent* skips drain and grace.

        Returns at once. Before the first run it makes that run end at once; after the last it does
        nothing.
        """
        if self._life is None:
            self._is_stop_wanted = True
        else:
            self._life.post(Stop(is_urgent=urgent))

    async def wait_stopped(self) -> None:
        """Wait until the current run is over, or the first one if there was none.

        Raises:
            WouldDeadlock: called from below this supervisor, which waits for the caller.
        """
        self._refuse_deadlock(None)
        await self._stopped.wait()

    async def restart_child(self, child: ChildId) -> object:
        """Start a child that is down, a parked one too; return what it gave to `ready`.

        Raises:
            ChildNotFound: there is none of that id.
            ChildRunning: it runs; terminate it first.
            ChildRestarting: it is on its way up or down.
            ChildIsZombie: it is exclusive and was abandoned.
            ChildStartFailed: it did not become ready; it stays down.
            StartInterrupted: it was stopped before it was ready.
        """
        life = await self._request(child, lambda ticket: RestartChild(ticket, child))
        return life.value_of(child)

    async def terminate_child(self, child: ChildId) -> None:
        """Stop a child, wait for its end, and leave it down; a pending restart is cancelled.

        Raises:
            ChildNotFound: there is none of that id.
            WouldDeadlock: the caller runs in that child.
        """
        self._refuse_deadlock(child)
        await self._request(child, lambda ticket: TerminateChild(ticket, child))

    async def pause_child(self, child: ChildId) -> None:
        """Have a worker take no new work; what it has begun it finishes. Outlasts its restarts.

        Raises:
            ChildNotFound: there is none of that id.
            NotPausable: it is a supervisor.
        """
        await self._request(child, lambda ticket: PauseChild(ticket, child, is_paused=True))

    async def resume_child(self, child: ChildId) -> None:
        """Have a paused worker take work again.

        Raises:
            ChildNotFound: there is none of that id.
            NotPausable: it is a supervisor.
        """
        await self._request(child, lambda ticket: PauseChild(ticket, child, is_paused=False))

    async def reset_child(self, child: ChildId) -> None:
        """Forget how a child has failed: its budget, backoff and cool-down begin anew.

        It stays in the state that it is in; a parked one is started with `restart_child`. What its
        supervisor has counted of it, where it escalates, stays counted.

        Raises:
            ChildNotFound: there is none of that id.
        """
        await self._request(child, lambda ticket: ResetChild(ticket, child))

    def request_stop(self, child: ChildId) -> None:
        """Begin to stop a child and leave it down; a child may ask it for itself.

        An unknown id changes nothing.
        """
        self._running_life().post(TerminateChild(None, child))

    def tree(self) -> ChildSnapshot:
        """Return how this supervisor and everything below it stand."""
        now = trio.current_time()
        state = self._life.state if self._life else None
        return snapshot_root(self.id, state, now, self._children_at(now))

    def counts(self) -> ChildCounts:
        """Return how many children there are, and in which condition.

        Raises:
            SupervisorNotRunning: it has not run yet.
        """
        if self._life is None:
            raise SupervisorNotRunning(f"{self.id} has not run yet")
        return count_children(self._life.state)

    def statistics(self) -> SupervisorStatistics:
        """Return the numbers of the present life, or of the last one.

        Raises:
            SupervisorNotRunning: it has not run yet.
        """
        if self._life is None:
            raise SupervisorNotRunning(f"{self.id} has not run yet")
        waiting = self._life.inputs_waiting
        return supervisor_statistics(self._life.state, waiting, trio.current_time())

    def get_spec(self, child: ChildId) -> ChildSpec:
        """Return a child's spec with its defaults filled in.

        Raises:
            ChildNotFound: there is none of that id.
        """
        present = self._life.state.children.values() if self._life else ()
        specs = [each.spec for each in present] if self._life else self.spec.children
        for spec in specs:
            if spec.id == child:
                return spec
        raise ChildNotFound(self.id, child)

    def __repr__(self) -> str:
        mode = self._life.state.mode.value if self._life else "new"
        return f"<Supervisor {self.id} [{mode}]>"

    async def _run(
        self,
        path: str,
        services: Services,
        on_ready: Callable[[], None],
        asked: trio.Event | None,
        stop_limit: Seconds,
        zombie_limit: Seconds,
    ) -> None:
        if self._is_running:
            raise SupervisorAlreadyRunning(f"{path} runs already")
        pulse = self._pulse if asked is None else None
        life = self._life = Life(self.spec, path, services, on_ready, pulse)
        self._is_running = True
        if self._stopped.is_set():
            self._stopped = trio.Event()
        if self._is_stop_wanted:
            life.post(Stop())
        try:
            await life.run(asked=asked, stop_limit=stop_limit, zombie_limit=zombie_limit)
        finally:
            self._is_running = self._is_stop_wanted = False
            self._stopped.set()
        if life.state.give_up is not None:
            raise escalation(life.state.give_up, path)

    async def _request(self, child: ChildId, make: Callable[[Ticket], Input]) -> Life:
        life = self._running_life()
        answer = await life.ask(make)
        match answer:
            case Done():
                return life
            case NotStarted(reason):
                raise ChildStartFailed(life.state.path, child, reason)
            case Refusal():
                raise REFUSALS[answer.value](life.state.path, child)
            case _:
                assert_never(answer)

    def _running_life(self) -> Life:
        if self._life is None or not self._is_running:
            raise SupervisorNotRunning(f"{self.id} does not run")
        return self._life

    def _refuse_deadlock(self, child: ChildId | None) -> None:
        """Refuse to wait for *child*, or for any child, from a task that runs in it (D18)."""
        for life, below in ancestry.get():
            if life is self._life and child in (None, below):
                raise WouldDeadlock(f"{self.id}/{below} can't wait for its own end")

    def _children_at(self, now: Seconds) -> tuple[ChildSnapshot, ...]:
        if self._life is None:
            return ()
        return snapshot_children(self._life.state, now, lambda spec: _below(spec, now))


def _below(spec: ChildSpec, now: Seconds) -> tuple[ChildSnapshot, ...]:
    nested = spec.start
    if not isinstance(nested, BaseSupervisor):
        return ()
    return nested._children_at(now)  # noqa: SLF001 - ours
