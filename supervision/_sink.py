"""Sinks: the default one, and the guard around every one."""

import logging

from supervision._events import (
    ChildAbandoned,
    ChildExited,
    ChildParked,
    ChildStalled,
    CleanupFailed,
    Escalated,
    Event,
    EventSink,
    LoopStalled,
    RestartRefused,
    ShutdownOverrun,
)
from supervision._outcome import Completed, is_normal
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
    if isinstance(event, ChildExited):
        if not is_normal(event.outcome):
            return logging.ERROR
        is_odd = isinstance(event.outcome, Completed) and event.restart is Restart.PERMANENT
        return logging.WARNING if is_odd else logging.INFO
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
