"""How long to wait before the next restart: exponential, capped, with jitter (D4, D5).

Jitter only shortens, after the cap, so the cap is a cap. The random number comes from outside.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from supervision._errors import SpecError
from supervision._outcome import Seconds

MAX_EXPONENT = 64  # far past any cap in use, and 2.0**64 is far from overflowing
MAX_FACTOR = 100.0  # with the exponent above still a finite float


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The delays of a child's restarts; they start over after a run of *reset_after* seconds.

    *reset_after* counts from ready and is twice the maximum unless given: a child that dies just
    before it keeps climbing.
    """

    minimum: Seconds = 0.5
    factor: float = 2.0
    maximum: Seconds = 60.0
    jitter: float = 0.2
    reset_after: Seconds | None = None

    def __post_init__(self) -> None:
        for field, is_valid, problem in (
            ("minimum", 0 <= self.minimum < math.inf, "must be 0 or more seconds, and finite"),
            ("factor", 1 <= self.factor <= MAX_FACTOR, f"must be in 1..{MAX_FACTOR:g}"),
            ("maximum", self.minimum <= self.maximum < math.inf, "must be finite, from minimum"),
            ("jitter", 0 <= self.jitter < 1, "must be in 0..1, below 1"),
            ("reset_after", 0 < self.healthy_after < math.inf, "must be given, above 0 seconds"),
        ):
            if not is_valid:
                raise SpecError("Backoff", field, problem)

    @classmethod
    def none(cls, *, reset_after: Seconds = 10.0) -> Self:
        """Return the backoff that never waits; only the restart budget brakes."""
        return cls(minimum=0.0, maximum=0.0, reset_after=reset_after)

    @property
    def healthy_after(self) -> Seconds:
        """Seconds of readiness after which the delays start over."""
        return 2 * self.maximum if self.reset_after is None else self.reset_after

    def delay(self, attempt: int, unit: float = 0.0) -> Seconds:
        """Return the wait before restart number *attempt*, from 0; *unit* in 0..1 is chance."""
        full = min(self.maximum, self.minimum * self.factor ** min(attempt, MAX_EXPONENT))
        return full * (1 - self.jitter * unit)

    def shortest_delays(self) -> Iterator[Seconds]:
        """Yield the least wait before each restart of a crash loop, without end."""
        attempt = 0
        while True:
            yield self.delay(attempt, unit=1.0)
            attempt += 1
