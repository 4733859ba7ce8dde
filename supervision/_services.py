"""What a tree shares: one sink, one source of randomness, one way out of the process."""

import random

from supervision._context import Services
from supervision._events import EventSink
from supervision._hard_exit import EXIT_CODE, ExitFunction, dump_stacks
from supervision._sink import GuardedSink, LoggingSink


class RootServices:
    """The services of a root."""

    def __init__(
        self, sink: EventSink | None, rng: random.Random | None, exit_function: ExitFunction
    ) -> None:
        self.sink: EventSink = GuardedSink(sink or LoggingSink())
        self._rng = rng or random.Random()  # noqa: S311 - jitter guards nothing
        self._exit = exit_function

    def draw_seed(self) -> float:
        """Return a random number for one life's jitter."""
        return self._rng.random()

    def exit_now(self, reason: str) -> None:
        """Write where everything stands, and end the process."""
        try:
            dump_stacks(reason)
        finally:
            self._exit(EXIT_CODE)


class NestedServices:
    """The services from above, with a sink or random numbers of one's own."""

    def __init__(self, above: Services, sink: EventSink | None, rng: random.Random | None) -> None:
        self.sink = GuardedSink(sink) if sink else above.sink
        self.draw_seed = rng.random if rng else above.draw_seed
        self.exit_now = above.exit_now
