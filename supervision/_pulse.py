"""A call from the root's own loop, again and again: what a watchdog outside may be fed from.

It comes only while that loop takes its inputs, before all are ready and during the stop as well. A
thread of its own would go on while the loop stands still, and prove nothing.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from supervision._errors import SpecError
from supervision._outcome import Seconds

_logger = logging.getLogger("supervision")


@dataclass(frozen=True, slots=True)
class Pulse:
    """Call *beat* at once and then every *interval* seconds, on the task of the root supervisor.

    *beat* must not block. What it raises is logged. Beats that were missed are not made up for.

    Raises:
        SpecError: *interval* is not above 0.
    """

    interval: Seconds
    beat: Callable[[], object]

    def __post_init__(self) -> None:
        if not self.interval > 0:
            raise SpecError("Pulse", "interval", "must be above 0 seconds")


class Heart:
    """When the next beat of *pulse* is due; without one, never."""

    def __init__(self, pulse: Pulse | None, now: Seconds) -> None:
        self._pulse = pulse
        self.due: Seconds = math.inf if pulse is None else now

    def beat_if_due(self, now: Seconds) -> None:
        """Beat if it is time to."""
        if self._pulse is None or now < self.due:
            return
        self.due = now + self._pulse.interval
        try:
            self._pulse.beat()
        except Exception:
            _logger.exception("what is called at each pulse raised")
