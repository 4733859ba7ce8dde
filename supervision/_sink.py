"""Sinks: the default one, and the guard around every one."""

import logging

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
from supervision._outcome import Completed, StopCause, Stopped, is_normal
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
