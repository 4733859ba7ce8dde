"""One life of a supervisor: the task that owns the state, and does what the core decides.

Everything that happens is an input in one queue; whoever puts one in never waits and never fails.
Only this task steps the core and starts children, so no lock is needed and no child inherits the
context of whoever asked for it.
"""

import math
from collections.abc import Callable
from typing import assert_never

import trio

from supervision import _core
from supervision._context import Context, Services
from supervision._core._messages import (
    Abandon,
    Action,
    AnnounceReady,
    Answer,
    Arm,
    Ask,
    Beaten,
    Begin,
    Cancel,
    Emit,
    Ended,
    Exit,
    HardExit,
    Input,
    Readied,
    Refusal,
    Reply,
    SetPaused,
    Start,
    Stop,
    Tick,
    Ticket,
)
from supervision._core._state import GiveUp, Grounds, State
from supervision._deadlines import Deadlines
from supervision._errors import (
    ChildStartFailed,
    EscalationError,
    FatalChildError,
    IntensityExceeded,
    ZombieBlocksRestart,
)
from supervision._events import ShutdownOverrun
from supervision._outcome import ChildId, Ending, Seconds
from supervision._pulse import Heart, Pulse
from supervision._runner import Incarnation
from supervision._spec import SupervisorSpec


class Life:
    """A supervisor from its first child to its last; a restarted supervisor gets a new one.

    Invariant: *_running* holds exactly the tasks in the children's nursery, zombies included.
    """

    def __init__(
        self,
        spec: SupervisorSpec,
        path: str,
        services: Services,
        on_ready: Callable[[], None],
        pulse: Pulse | None = None,
    ) -> None:
        now = trio.current_time()
        seed = services.draw_seed()
        self.state: State = _core.initial_state(spec, path=path, seed=seed, now=now)
        self._services = services
        self._on_ready = on_ready
        self._put, self._inputs = trio.open_memory_channel[Input](math.inf)
        self._deadlines = Deadlines()
        self._heart = Heart(pulse, now)
        self._running: dict[tuple[ChildId, int], Incarnation] = {}
        self._waiting: dict[Ticket, _Slot] = {}
        self._next_ticket = 0
        self._is_over = False
        self._stop_begun = trio.Event()

    async def run(
        self, *, asked: trio.Event | None, stop_limit: Seconds, zombie_limit: Seconds
    ) -> None:
        """Run until stopped, given up, or cancelled; then until every child is gone.

        A cancel from outside begins the ordered stop, and is passed on when that is done.

        Resource handling: the children live in a shielded nursery, so that they are stopped by the
        ladder and never all at once; a stop longer than *stop_limit* ends the process, and so do
        zombies that outlive their supervisor by *zombie_limit*.
        """
        try:
            async with trio.open_nursery() as watch:
                watch.start_soon(self._stop_on_cancel, asked is not None)
                with trio.CancelScope(shield=True):
                    await self._run_shielded(asked, stop_limit, zombie_limit)
                watch.cancel_scope.cancel(reason="the supervisor is done")
        finally:
            self._close()
            self._inputs.close()

    async def _run_shielded(
        self, asked: trio.Event | None, stop_limit: Seconds, zombie_limit: Seconds
    ) -> None:
        async with trio.open_nursery() as guards:
            guards.start_soon(self._exit_on_overrun, stop_limit)
            if asked is not None:
                guards.start_soon(self._stop_when, asked)
            async with trio.open_nursery() as children:
                await self._serve(children)
                if self._running:
                    guards.start_soon(self._exit_on_zombies, zombie_limit)
            guards.cancel_scope.cancel(reason="the supervisor is done")

    @property
    def inputs_waiting(self) -> int:
        """How many inputs the core has not seen yet."""
        return self._inputs.statistics().current_buffer_used

    def post(self, event: Input) -> None:
        """Put *event* into the queue; after the end it has no one to reach, and is dropped."""
        if not self._is_over:
            self._put.send_nowait(event)

    async def ask(self, make: Callable[[Ticket], Input]) -> Answer:
        """Put in a request and wait for its answer."""
        if self._is_over:
            return Refusal.STOPPING
        self._next_ticket += 1
        ticket, slot = self._next_ticket, _Slot()
        self._waiting[ticket] = slot
        try:
            self.post(make(ticket))
            await slot.is_answered.wait()
        finally:
            self._waiting.pop(ticket, None)
        return slot.answer

    def value_of(self, child: ChildId) -> object:
        """Return what the child's live incarnation gave to `ready`."""
        known = self.state.children.get(child)
        running = self._running.get((child, known.incarnation)) if known else None
        return running.ctx.value if running else None

    async def _serve(self, children: trio.Nursery) -> None:
        """Step the core until it says that it is over."""
        self._step(children, Begin())
        while not self._is_over:
            deadline = self._deadlines.earliest(self.state.children)
            with trio.move_on_at(min(deadline, self._heart.due)):
                self._step(children, await self._inputs.receive(), *self._rest())
            # Whoever ended just now must not be found late: take all notices before the time.
            while rest := self._rest():
                self._step(children, *rest)
            now = trio.current_time()
            if deadline <= now:  # the core knows itself if that is outdated
                self._tick(children)
            self._heart.beat_if_due(now)

    def _rest(self) -> list[Input]:
        """Return what has gathered in the queue."""
        gathered = self._inputs.statistics().current_buffer_used
        return [self._inputs.receive_nowait() for _ in range(gathered)]

    def _tick(self, children: trio.Nursery) -> None:
        due = self._deadlines.take_due(self.state.children, trio.current_time())
        beats = [beat for child in due if (beat := self._beat_of(child)) is not None]
        self._step(children, *beats, Tick(due))

    def _beat_of(self, child: ChildId) -> Beaten | None:
        """Return the last sign of life of one that is due; asking all others would be in vain."""
        number = self.state.children[child].incarnation
        running = self._running.get((child, number))
        if running is None:
            return None
        return Beaten(child, number, max(running.ctx.beat_at, self._services.forgiven_at))

    def _step(self, children: trio.Nursery, *events: Input) -> None:
        self.state, actions = _core.steps(self.state, events, trio.current_time())
        if self.state.is_stopping:
            self._stop_begun.set()
        for action in actions:
            self._do(children, action)

    def _do(self, children: trio.Nursery, action: Action) -> None:
        match action:
            case Start(child, number):
                self._start(children, child, number)
            case Ask() | Cancel() | Abandon() | SetPaused():
                self._press(action)
            case Arm(child, at):
                self._deadlines.arm(child, at)
            case Emit(event):
                self._services.sink.emit(event)
            case Reply(ticket, answer):
                self._reply(ticket, answer)
            case AnnounceReady():
                self._on_ready()
            case HardExit(reason):
                self._overrun(reason)
            case Exit():
                self._close()
            case _:
                assert_never(action)

    def _press(self, action: Ask | Cancel | Abandon | SetPaused) -> None:
        running = self._running.get((action.child, action.incarnation))
        if running is None:  # it has just ended, and its notice waits in the queue
            return
        match action:
            case Ask():
                running.ask()
            case Cancel(cause=cause):
                running.cancel(cause)
            case Abandon():
                running.fence()
            case SetPaused(is_paused=is_paused):
                running.ctx.set_paused(is_paused)
            case _:
                assert_never(action)

    def _start(self, children: trio.Nursery, child: ChildId, number: int) -> None:
        ctx = Context(
            f"{self.state.path}/{child}",
            number,
            services=self._services,
            on_ready=lambda: self.post(Readied(child, number)),
            heartbeat_timeout=self.state.children[child].spec.heartbeat_timeout,
        )
        ctx.set_paused(self.state.children[child].is_paused)
        incarnation = Incarnation(self.state.children[child].spec, ctx, owner=self)
        self._running[child, number] = incarnation

        def on_end(ending: Ending) -> None:
            del self._running[child, number]
            self.post(Ended(child, number, ending))

        children.start_soon(incarnation.run, on_end, name=incarnation.name)

    def _reply(self, ticket: Ticket, answer: Answer) -> None:
        slot = self._waiting.get(ticket)
        if slot is not None:  # else the caller was cancelled meanwhile
            slot.fill(answer)

    def _close(self) -> None:
        """Take no more inputs, and let nobody wait for an answer that won't come."""
        self._is_over = True
        for slot in self._waiting.values():
            slot.fill(Refusal.STOPPING)

    async def _stop_on_cancel(self, is_nested: bool) -> None:  # noqa: FBT001 - for start_soon
        try:
            await trio.sleep_forever()
        finally:
            # A parent asks first; that it cancels says that it is in a hurry.
            self.post(Stop(is_urgent=is_nested))

    async def _stop_when(self, asked: trio.Event) -> None:
        await asked.wait()
        self.post(Stop())

    async def _exit_on_overrun(self, stop_limit: Seconds) -> None:
        await self._stop_begun.wait()
        await trio.sleep(stop_limit)
        self._overrun(f"{self.state.path} was not stopped after {stop_limit:g} s")

    async def _exit_on_zombies(self, zombie_limit: Seconds) -> None:
        await trio.sleep(zombie_limit)
        self._overrun(f"{self.state.path} left zombies that still run after {zombie_limit:g} s")

    def _overrun(self, reason: str) -> None:
        names = tuple(each.name for each in self._running.values())
        at = trio.current_time()
        self._services.sink.emit(ShutdownOverrun(self.state.path, at, running=names))
        self._services.exit_now(reason)


def escalation(verdict: GiveUp, path: str) -> EscalationError:
    """Return the error with which the supervisor at *path* leaves."""
    match verdict.grounds:
        case Grounds.INTENSITY:
            return IntensityExceeded(path, verdict.child, verdict.tally)
        case Grounds.START:
            return ChildStartFailed(path, verdict.child, str(verdict.failure))
        case Grounds.FATAL:
            return FatalChildError(path, verdict.child, verdict.failure)
        case Grounds.ZOMBIE:
            return ZombieBlocksRestart(path, verdict.child)
        case _:
            assert_never(verdict.grounds)


class _Slot:
    """Where one request waits for its answer."""

    def __init__(self) -> None:
        self.is_answered = trio.Event()
        self.answer: Answer = Refusal.STOPPING

    def fill(self, answer: Answer) -> None:
        if not self.is_answered.is_set():
            self.answer = answer
            self.is_answered.set()
