"""What a service manager is told, and when: one pure state machine.

Guarantees that `READY=1` follows every `RELOADING=1`, but for a stop in between, which is final;
that the start or the stop is given more time only while work is seen to go on; that signs of life
come from whoever calls `pulse`, only while nothing is stuck, and no oftener than twice in the time
within which the manager wants one; that the status line changes at most every ten seconds, turns
apart.

It knows no clock and no socket: times are of `trio.current_time`, and what is returned is to be
sent in that order.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum

from hsid.model import Seconds
from hsid.observe.notify import WATCHDOG, Message

EXTENSION: Seconds = 30.0
"""How much more time a sign of progress is worth."""
_EXTEND_EVERY: Seconds = 5.0
_STATUS_EVERY: Seconds = 10.0
_SLOWEST_PULSE: Seconds = 1.0
_MICRO = 1_000_000


class Turn(StrEnum):
    """Where the service is in its life, as far as its manager has been told."""

    STARTING = "starting"
    READY = "ready"
    RELOADING = "reloading"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Signs:
    """What there is to see of the daemon at one moment.

    *progress* differs from an earlier one if work was done in between; *stuck* names the parts that
    are not alive.
    """

    status: str
    progress: Hashable
    stuck: tuple[str, ...] = ()


class Service:
    """Speaks for the daemon; *watchdog* is the period within which the manager wants to hear."""

    def __init__(self, watchdog: Seconds | None = None) -> None:
        self.turn = Turn.STARTING
        self._watchdog = watchdog
        self._progress: Hashable = None
        self._status: str | None = None
        self._status_at: Seconds = 0.0
        self._extended_at: Seconds | None = None
        self._fed_at: Seconds | None = None

    @property
    def pulse_interval(self) -> Seconds:
        """How often to call `pulse`: often enough for half of the watchdog's period to be kept."""
        return min(_SLOWEST_PULSE, (self._watchdog or _SLOWEST_PULSE) / 4)

    def preparing(self, status: str, now: Seconds) -> list[Message]:
        """Tell what is begun before anything runs."""
        return [] if status == self._status else self._said(status, now)

    def progressing(self, status: str, now: Seconds) -> list[Message]:
        """Tell what is done before anything runs, and that it has just got on with it."""
        return [*self.preparing(status, now), *self._extended(now)]

    def ready(self, status: str, now: Seconds) -> list[Message]:
        """Tell that everything works; said once, and not any more once the stop has begun."""
        if self.turn is not Turn.STARTING:
            return []
        return self._become(Turn.READY, "READY=1", status, now)

    def reloading(self, now: Seconds, monotonic: Seconds) -> list[Message]:
        """Tell that the settings are read anew; *monotonic* is the time on CLOCK_MONOTONIC."""
        if self.turn is not Turn.READY:
            return []
        self.turn = Turn.RELOADING
        self._status, self._status_at = "reloading", now
        stamp = f"MONOTONIC_USEC={round(monotonic * _MICRO)}"
        return [("RELOADING=1", stamp, "STATUS=reloading")]

    def reloaded(self, status: str, now: Seconds) -> list[Message]:
        """Tell that the daemon works again, whatever came of the reload."""
        if self.turn is not Turn.RELOADING:
            return []
        return self._become(Turn.READY, "READY=1", status, now)

    def stopping(self, now: Seconds) -> list[Message]:
        """Tell that the stop has begun."""
        if self.turn is Turn.STOPPING:
            return []
        self._extended_at = None
        return self._become(Turn.STOPPING, "STOPPING=1", "stopping", now)

    def pulse(self, signs: Signs, now: Seconds) -> list[Message]:
        """Tell what *signs* are worth telling now."""
        messages: list[Message] = []
        if self.turn in (Turn.STARTING, Turn.STOPPING):
            if self._progress not in (None, signs.progress):
                messages += self._extended(now)
        elif signs.status != self._status and now - self._status_at >= _STATUS_EVERY:
            messages += self._said(signs.status, now)
        self._progress = signs.progress
        return [*messages, *self._fed(signs, now)]

    def _become(self, turn: Turn, line: str, status: str, now: Seconds) -> list[Message]:
        self.turn = turn
        self._status, self._status_at = status, now
        return [(line, f"STATUS={_one_line(status)}")]

    def _said(self, status: str, now: Seconds) -> list[Message]:
        self._status, self._status_at = status, now
        return [(f"STATUS={_one_line(status)}",)]

    def _extended(self, now: Seconds) -> list[Message]:
        if self._extended_at is not None and now - self._extended_at < _EXTEND_EVERY:
            return []
        self._extended_at = now
        return [(f"EXTEND_TIMEOUT_USEC={round(EXTENSION * _MICRO)}",)]

    def _fed(self, signs: Signs, now: Seconds) -> list[Message]:
        if self._watchdog is None or self.turn is Turn.STARTING or signs.stuck:
            return []
        if self._fed_at is not None and now - self._fed_at < self._watchdog / 2:
            return []
        self._fed_at = now
        return [WATCHDOG]


def _one_line(text: str) -> str:
    """Return *text* as a value: a line of its own would be another message."""
    return " ".join(text.split())
