"""The queues' clock: seconds since 1970 that never jump while the process lives.

What a database holds must mean something after a restart, so it is wall-clock time. But a wall
clock is stepped, and a step must neither end live leases nor freeze retries: the clock is read
once, and from then on time is counted.
"""

import time
from collections.abc import Callable
from typing import TypeAlias

from hsid.model import Seconds

Clock: TypeAlias = Callable[[], Seconds]


class SteadyClock:
    """The wall clock as it was at construction, plus the time that has passed since."""

    def __init__(
        self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._elapsed = elapsed
        self._offset = wall() - elapsed()

    def __call__(self) -> Seconds:
        """Return the time."""
        return self._offset + self._elapsed()
