"""When a failed message is tried again: exponential, capped, with jitter. Pure."""

import math
import random
from dataclasses import dataclass

from hsid.model import Seconds


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The delays between the tries of one message.

    The jitter is taken off after the cap, so that *longest* is never exceeded and messages that
    failed together don't come back together.
    """

    first: Seconds = 2.0
    factor: float = 2.0
    longest: Seconds = 300.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        """Refuse delays that don't grow from more than nothing."""
        if not (0 < self.first <= self.longest and self.factor >= 1 and 0 <= self.jitter <= 1):
            raise ValueError(f"not a growing series of delays: {self}")

    def delay(self, tries: int, rng: random.Random) -> Seconds:
        """Return the pause after *tries* failed ones, 1 for the first."""
        # Beyond the step that reaches the cap the power would only overflow.
        steps = min(max(tries - 1, 0), self._steps_to_cap())
        full = min(self.longest, self.first * self.factor**steps)
        return full * (1 - self.jitter * rng.random())

    def _steps_to_cap(self) -> int:
        if self.factor == 1:
            return 0
        return math.ceil(math.log(self.longest / self.first) / math.log(self.factor))


class Backoff:
    """The pauses of one caller who tries again until it works."""

    def __init__(self, policy: RetryPolicy, rng: random.Random) -> None:
        self._policy = policy
        self._rng = rng
        self.failures = 0
        """How often it failed in a row."""

    def fail(self) -> Seconds:
        """Count a failure; return the pause before the next try."""
        self.failures += 1
        return self._policy.delay(self.failures, self._rng)

    def succeed(self) -> None:
        """Begin anew."""
        self.failures = 0
