"""The supervision tree's events as log lines.

Every line has the event's name and its fields; what a restart mends is a warning at most where the
error itself has a line of its own.
"""

from dataclasses import fields

from hsid.observe.logging import get_logger
from supervision import (
    ChildExited,
    Crashed,
    Event,
    Fatal,
    LoopStalled,
    StartFailed,
    describe,
    level_of,
)


class SupervisionLog:
    """The sink that logs."""

    def __init__(self) -> None:
        self._log = get_logger("supervision")

    def emit(self, event: Event) -> None:
        """Write the line of *event*; the traceback of a crash or a stall goes with it."""
        values = {each.name: getattr(event, each.name) for each in fields(event)}
        del values["at"]
        if isinstance(event, ChildExited):
            values["outcome"] = f"{type(event.outcome).__name__} {describe(event.outcome)}".strip()
            if isinstance(event.outcome, Crashed | StartFailed | Fatal):
                values["exception"] = event.outcome.failure.traceback
        if isinstance(event, LoopStalled):
            values["exception"] = values.pop("stack") or None
            values = {name: value for name, value in values.items() if value is not None}
        self._log.log(level_of(event), event.name, **values)
