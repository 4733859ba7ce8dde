"""Sinks: the default one, the guard around every one, and one that tells a stall once."""

import logging
import math

from supervision._events import (
    ChildAbandoned,
    ChildExited,
    ChildParked,
    ChildReady,
    ChildStalled,
    ChildStarting,
    ChildStopping,
    CleanupFailed,
    Escalated,
    Event,
    EventSink,
    LoopStalled,
    RestartRefused,
    ShutdownOverrun,
)
from supervision._outcome import Completed, Seconds, StopCause, Stopped, is_normal
from supervision._restart import Restart

_logger = logging.getLogger("supervision")

_LEVELS: dict[type[Event], int] = {
    ChildAbandoned: logging.ERROR,
    ChildParked: logging.WARNING,
    ChildStalled: logging.WARNING,
    CleanupFailed: logging.ERROR,
    Escalated: logging.ERROR,
    LoopStalled: logging.WARNING,
    RestartRefused: logging.ERROR,
    ShutdownOverrun: logging.CRITICAL,
}


def level_of(event: Event) -> int:
    """Return the level of `logging` that *event* deserves."""
    match event:
        case ChildStarting(is_requested=True) | ChildReady(is_requested=True):
            return logging.DEBUG  # whoever asked for it knows
        case ChildStopping(cause=StopCause.TERMINATED):
            return logging.DEBUG
        case ChildExited(outcome=Stopped(cause=StopCause.TERMINATED, error=None)):
            return logging.DEBUG
        case ChildExited(outcome=Completed(), restart=Restart.PERMANENT):
            return logging.WARNING
        case ChildExited(outcome=outcome) if not is_normal(outcome):
            return logging.ERROR
        case _:
            return _LEVELS.get(type(event), logging.INFO)


class LoggingSink:
    """Writes every event to the logger `supervision`."""

    def emit(self, event: Event) -> None:
        """Log *event*."""
        _logger.log(level_of(event), "%s %s", event.name, event)


class GuardedSink:
    """Passes events on; a sink that raises is logged and never hurts the supervisor."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self.errors = 0

    def emit(self, event: Event) -> None:
        """Pass *event* on."""
        try:
            self._sink.emit(event)
        except Exception:
            self.errors += 1
            _logger.exception("the event sink raised on %s", event.name)


class StallSink:
    """Passes events on, but of the loop's stalls only the first word on each.

    A monitor tells of a stall when it ends; supervisors whose deadlines passed meanwhile notice it
    after that, and know less.
    """

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._told_until: Seconds = -math.inf

    def emit(self, event: Event) -> None:
        """Pass *event* on, unless it is known already."""
        match event:
            case LoopStalled(task=str()):
                self._told_until = event.at
            case LoopStalled() if event.at - event.late_by <= self._told_until:
                return
        self._sink.emit(event)
