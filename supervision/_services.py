"""What a tree shares: one sink, one source of randomness, one way out of the process."""

import math
import random

import trio

from supervision._context import Services
from supervision._events import EventSink, LoopStalled
from supervision._hard_exit import ExitFunction, end_process
from supervision._outcome import Seconds
from supervision._sink import GuardedSink, LoggingSink, StallSink


class RootServices:
    """The services of a root; made inside of the run that they are for."""

    def __init__(
        self, sink: EventSink | None, rng: random.Random | None, exit_function: ExitFunction
    ) -> None:
        self.sink: EventSink = StallSink(GuardedSink(sink or LoggingSink()))
        self.forgiven_at: Seconds = -math.inf
        self._rng = rng or random.Random()  # noqa: S311 - jitter guards nothing
        self._exit = exit_function
        self._root_task = trio.lowlevel.current_root_task()

    def draw_seed(self) -> float:
        """Return a random number for one life's jitter."""
        return self._rng.random()

    def forgive(self, stall: LoopStalled) -> None:
        """Tell of a stall that has just ended; nobody's heartbeat is older than that (D14)."""
        self.forgiven_at = stall.at
        self.sink.emit(stall)

    def exit_now(self, reason: str) -> None:
        """Write where everything stands, and end the process; works from any thread."""
        end_process(reason, self._exit, self._root_task)


class NestedServices:
    """The services from above, with a sink or random numbers of one's own."""

    def __init__(self, above: Services, sink: EventSink | None, rng: random.Random | None) -> None:
        self._above = above
        self.sink = GuardedSink(sink) if sink else above.sink
        self.draw_seed = rng.random if rng else above.draw_seed
        self.exit_now = above.exit_now

    @property
    def forgiven_at(self) -> Seconds:
        """When the loop's last stall ended: that of the root."""
        return self._above.forgiven_at
