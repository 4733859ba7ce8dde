"""The sliding window of restarts: not more than *intensity* in any *period* seconds.

OTP's rule with fractional seconds (D3): the lower edge is inclusive, and a refused restart leaves
no trace. A value, not an object with a life: recording returns a new window.
"""

from dataclasses import dataclass, replace
from typing import Self

from supervision._outcome import Seconds


@dataclass(frozen=True, slots=True)
class RestartWindow:
    """The restarts of the last *period* seconds, oldest first; at most *intensity* of them."""

    intensity: int
    period: Seconds
    times: tuple[Seconds, ...] = ()

    def allows(self, now: Seconds) -> bool:
        """Tell whether one more restart at *now* stays within the intensity."""
        return len(self._recent(now)) < self.intensity

    def record(self, now: Seconds) -> Self:
        """Return the window with a restart at *now*; call it only after `allows`."""
        return replace(self, times=(*self._recent(now), now))

    def left(self, now: Seconds) -> int:
        """Return how many more restarts would be allowed at *now*."""
        return self.intensity - len(self._recent(now))

    def _recent(self, now: Seconds) -> tuple[Seconds, ...]:
        threshold = now - self.period
        return tuple(each for each in self.times if each >= threshold)
