"""Finds the task that holds up the event loop: what no task of that loop can see.

An instrument notes which task runs and since when, at well under a microsecond per step. A plain
thread looks at that a few times per limit, takes the stack of a step that lasts too long, and, past
a second limit, ends the process. A stall is told when its step ends, on the loop's own thread. So
is a wait that lasts much longer than it was to: the process was suspended, nobody is to blame.

Out of its sight is whoever never lets go of the interpreter's lock, as a regular expression in a
bad mood: that holds up the thread as well, so it is told afterwards and never ended. What watches
the process from outside must help there.
"""

import math
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from traceback import StackSummary
from types import FrameType
from typing import TypeAlias

import trio

from supervision._errors import LoopMonitorInUse, SpecError
from supervision._events import LoopStalled
from supervision._hard_exit import name_of
from supervision._outcome import Seconds
from supervision._services import RootServices

_LOOKS_PER_LIMIT = 4
_STACK_DEPTH = 20
_PASSES_KEPT = 1000

Step: TypeAlias = tuple[trio.lowlevel.Task, Seconds]
"""A task that runs, and since when on the clock of `perf_counter`, which no test can turn."""


@dataclass(frozen=True, slots=True)
class LoopStatistics:
    """How the event loop has done since the monitor was made.

    The lag is the time of one pass over all tasks that could run: so long waits, at most, whoever
    becomes able to run in between. A long one without a stall says that there is too much to do.
    """

    stalls: int
    longest_stall: Seconds
    last_guilty: str | None
    """The name of the task behind the last stall."""
    lag: Seconds
    """That of the last pass."""
    lag_p99: Seconds
    """Of the last thousand passes, all but one in a hundred were shorter."""
    lag_max: Seconds


class LoopMonitor:
    """Watches the loop of the tree whose root it is given to."""

    def __init__(self, limit: Seconds = 1.0, hard_limit: Seconds | None = None) -> None:
        """Describe what is too long.

        Args:
            limit: A step that lasts longer is told as `LoopStalled`, and heartbeats are forgiven.
            hard_limit: A step that lasts longer ends the process, with the stacks of all threads
                and tasks on stderr. While the process itself is suspended, no time passes for that.

        Raises:
            SpecError: *limit* is not above 0, or *hard_limit* not above *limit*.
        """
        if not limit > 0:
            raise SpecError("LoopMonitor", "limit", "must be above 0 seconds")
        if hard_limit is not None and not hard_limit > limit:
            raise SpecError("LoopMonitor", "hard_limit", "must be above limit")
        self._limit = limit
        self._hard_limit = math.inf if hard_limit is None else hard_limit
        self._watch: _Watch | None = None
        self._stalls = 0
        self._longest: Seconds = 0.0
        self._last_guilty: str | None = None
        self._lags: deque[Seconds] = deque([0.0], maxlen=_PASSES_KEPT)
        self._lag_max: Seconds = 0.0

    @contextmanager
    def watching(self, supervisor: str, services: RootServices) -> Iterator[None]:
        """Watch the loop during the block; stalls are told in the name of *supervisor*.

        Resource handling: the thread and the instrument are gone when the block is left.

        Raises:
            LoopMonitorInUse: it watches already.
        """
        if self._watch is not None:
            raise LoopMonitorInUse(f"the loop monitor for {supervisor} watches another tree")

        def on_stall(step: Step, lasted: Seconds) -> None:
            stack = watch.stack_of(step)
            guilty = self._count(step, lasted)
            now = trio.current_time()
            services.forgive(LoopStalled(supervisor, now, lasted, task=guilty, stack=stack))

        def on_suspension(lasted: Seconds) -> None:
            services.forgive(LoopStalled(supervisor, trio.current_time(), lasted))

        probe = _Probe(self._limit, on_stall, on_suspension, self._count_pass)
        watch = _Watch(probe, self._limit, self._hard_limit, services.exit_now)
        over = threading.Event()
        name = f"loop monitor of {supervisor}"
        thread = threading.Thread(target=watch.run, args=(over,), name=name, daemon=True)
        thread.start()
        self._watch = watch
        trio.lowlevel.add_instrument(probe)
        try:
            yield
        finally:
            self._watch = None
            over.set()
            thread.join()  # at once, unless it is busy ending the process
            with suppress(KeyError):  # trio dropped it, if a signal's handler raised inside of it
                trio.lowlevel.remove_instrument(probe)
            probe.after_task_step(trio.lowlevel.current_task())  # the step that ends the run

    def statistics(self) -> LoopStatistics:
        """Return the numbers so far."""
        lags = sorted(self._lags)
        return LoopStatistics(
            stalls=self._stalls,
            longest_stall=self._longest,
            last_guilty=self._last_guilty,
            lag=self._lags[-1],
            lag_p99=lags[len(lags) * 99 // 100],
            lag_max=self._lag_max,
        )

    def _count(self, step: Step, lasted: Seconds) -> str:
        guilty = self._last_guilty = name_of(step[0])
        self._stalls += 1
        self._longest = max(self._longest, lasted)
        return guilty

    def _count_pass(self, lag: Seconds) -> None:
        self._lags.append(lag)
        self._lag_max = max(self._lag_max, lag)


class _Probe(trio.abc.Instrument):
    """Notes what the loop is at; runs at every step, so each line counts.

    Nothing here raises, or trio would drop it: names are read with care, and sinks are guarded.
    """

    def __init__(
        self,
        limit: Seconds,
        on_stall: Callable[[Step, Seconds], None],
        on_suspension: Callable[[Seconds], None],
        on_pass: Callable[[Seconds], None],
    ) -> None:
        self._limit = limit
        self._on_stall = on_stall
        self._on_suspension = on_suspension
        self._on_pass = on_pass
        self._pass_began = perf_counter()
        self._wakes_by = math.inf
        self.step: Step | None = (trio.lowlevel.current_task(), self._pass_began)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.step = (task, perf_counter())

    def after_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - trio's signature
        step, self.step = self.step, None
        if step is not None and perf_counter() - step[1] > self._limit:
            self._on_stall(step, perf_counter() - step[1])

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002 - trio's signature
        self._pass_began = perf_counter()
        late_by = self._pass_began - self._wakes_by
        if late_by > self._limit:
            # Before any task runs: none may find another's beat too old because of this.
            self._on_suspension(late_by)

    def before_io_wait(self, timeout: float) -> None:
        now = perf_counter()
        self._wakes_by = now + timeout
        self._on_pass(now - self._pass_began)


class _Watch:
    """What the thread does. It keeps times and text only: no task lives longer because of it."""

    def __init__(
        self, probe: _Probe, limit: Seconds, hard_limit: Seconds, exit_now: Callable[[str], None]
    ) -> None:
        self._probe = probe
        self._limit = limit
        self._hard_limit = hard_limit
        self._exit_now = exit_now
        self._interval = limit / _LOOKS_PER_LIMIT
        self._loop_thread = threading.get_ident()
        self._last_began: Seconds | None = None
        self._looks = 0  # how often the same step was seen
        self._taken: tuple[Seconds, str] = (-math.inf, "")

    def run(self, over: threading.Event) -> None:
        """Look until told that it is over, or time to end the process."""
        while not over.wait(self._interval):
            hopeless = self._look()
            if hopeless is not None:
                limit = f"{self._hard_limit:g} s"
                return self._exit_now(f"{hopeless} held up the event loop for more than {limit}")
        return None

    def stack_of(self, step: Step) -> str:
        """Return the stack that was taken of *step*; an empty one if there was no time for that."""
        began, stack = self._taken
        return stack if began == step[1] else ""

    def _look(self) -> str | None:
        """Look at what runs now; return its name if it is beyond hope."""
        step = self._probe.step
        if step is None:
            return None
        task, began = step
        if began != self._last_began:
            self._last_began, self._looks = began, 0
        self._looks += 1
        if perf_counter() - began > self._limit and self._taken[0] != began:
            self._take_stack(task, began)
        # Looks are counted, not time: a process that was suspended meanwhile is none the worse.
        seen_for = (self._looks - 1) * self._interval
        return name_of(task) if seen_for >= self._hard_limit and _is_running(task) else None

    def _take_stack(self, task: trio.lowlevel.Task, began: Seconds) -> None:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the documented way
        stack = _format(frame, until=getattr(task.coro, "cr_frame", None))
        step = self._probe.step
        if step is not None and step[1] == began:  # else the loop went on while this looked
            self._taken = (began, stack)


def _is_running(task: trio.lowlevel.Task) -> bool:
    """Ask the coroutine itself: a note that nobody took back must not end the process."""
    return bool(getattr(task.coro, "cr_running", True))


def _format(frame: FrameType | None, until: FrameType | None) -> str:
    """Write the stack from the innermost *frame* out to the task's own, without trio's loop."""
    frames: list[tuple[FrameType, int]] = []
    while frame is not None and len(frames) < _STACK_DEPTH:
        frames.append((frame, frame.f_lineno))
        frame = None if frame is until else frame.f_back
    return "".join(StackSummary.extract(reversed(frames)).format())
