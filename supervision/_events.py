"""What a supervisor tells the world: frozen records, one sink.

Every event says which supervisor (by path), when (`trio.current_time`), and for a child which
incarnation. Events are plain data: they survive `dataclasses.asdict` and JSON.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol

from supervision._outcome import ChildId, Failure, Outcome, Seconds, StopCause
from supervision._restart import Restart

_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class Stage(StrEnum):
    """How far the stop of a child has come."""

    ASK = "ask"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the supervisor at path *supervisor*."""

    name: ClassVar[str] = "event"
    """The class's name in snake_case, for logs and metrics."""

    supervisor: str
    at: Seconds

    def __init_subclass__(cls) -> None:
        cls.name = _INNER_CAPITAL.sub("_", cls.__name__).lower()


@dataclass(frozen=True, slots=True)
class ChildEvent(Event):
    """Something that happened to one incarnation of *child*."""

    child: ChildId
    incarnation: int


@dataclass(frozen=True, slots=True)
class ChildStarting(ChildEvent):
    """An incarnation begins; *is_requested* if somebody asked for it."""

    is_requested: bool = False


@dataclass(frozen=True, slots=True)
class ChildReady(ChildEvent):
    """It said that it works, *after* seconds; *is_requested* if somebody waits for that."""

    after: Seconds
    is_requested: bool = False


@dataclass(frozen=True, slots=True)
class ChildExited(ChildEvent):
    """It ended; a permanent child that completed deserves a warning."""

    outcome: Outcome
    ran_for: Seconds
    restart: Restart


@dataclass(frozen=True, slots=True)
class CleanupFailed(ChildEvent):
    """It was stopped, and its clean-up raised."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class RestartScheduled(ChildEvent):
    """It will be started again after *delay*; *budget_left* more restarts would be allowed now.

    *attempt* counts from 0 since the last healthy run; a child that never gives up has no budget.
    """

    delay: Seconds
    attempt: int
    budget_left: int | None


@dataclass(frozen=True, slots=True)
class RestartRefused(ChildEvent):
    """It will not be started again because its restarts are used up, or it was fatal."""

    reason: str


@dataclass(frozen=True, slots=True)
class ChildStalled(ChildEvent):
    """It has not beaten for *silent_for* seconds and is being cancelled."""

    silent_for: Seconds


@dataclass(frozen=True, slots=True)
class ChildParked(ChildEvent):
    """It is left down for *cooldown* seconds; without one, until somebody restarts it."""

    cooldown: Seconds | None


@dataclass(frozen=True, slots=True)
class ChildUnparked(ChildEvent):
    """Its trial run has been healthy for long enough: it counts as well again."""


@dataclass(frozen=True, slots=True)
class ChildPaused(ChildEvent):
    """It was told to take no new work."""


@dataclass(frozen=True, slots=True)
class ChildResumed(ChildEvent):
    """It was told to take work again."""


@dataclass(frozen=True, slots=True)
class SignificantChildLeft(ChildEvent):
    """It left by itself, and so the supervisor stops."""


@dataclass(frozen=True, slots=True)
class ChildStopping(ChildEvent):
    """It was asked or cancelled."""

    stage: Stage
    cause: StopCause


@dataclass(frozen=True, slots=True)
class ChildAbandoned(ChildEvent):
    """It did not end within its grace: it is a zombie, nobody waits for it any more."""

    cause: StopCause


@dataclass(frozen=True, slots=True)
class ZombieEnded(ChildEvent):
    """An abandoned incarnation ended after all."""


@dataclass(frozen=True, slots=True)
class StaleNotice(ChildEvent):
    """A notice came from an incarnation that is over; it was dropped."""


@dataclass(frozen=True, slots=True)
class GroupRestart(ChildEvent):
    """*ids* are restarted together, in this order, because of *child*."""

    ids: tuple[ChildId, ...]


@dataclass(frozen=True, slots=True)
class Escalated(ChildEvent):
    """The supervisor gives up because of *child* and will leave with an error."""

    reason: str


@dataclass(frozen=True, slots=True)
class LoopStalled(Event):
    """The event loop stood still for about *late_by* seconds; deadlines were forgiven.

    A `LoopMonitor` knows the *task* that held it up, and where: *stack*, outermost call first.
    Without one, a supervisor only notices that it is late.
    """

    late_by: Seconds
    task: str | None = None
    stack: str = ""


@dataclass(frozen=True, slots=True)
class ShutdownOverrun(Event):
    """The root's stop took longer than it may; *running* still run, the process exits."""

    running: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SupervisorReady(Event):
    """All children of the first start are ready."""


@dataclass(frozen=True, slots=True)
class SupervisorStopping(Event):
    """Its children are being stopped, last one first."""


@dataclass(frozen=True, slots=True)
class ChildrenStopped(Event):
    """How the children of a dynamic supervisor ended when it stopped: each way with its count."""

    ends: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SupervisorStopped(Event):
    """Every child has ended or was abandoned."""


class EventSink(Protocol):
    """Where events go."""

    def emit(self, event: Event) -> None:
        """Take *event*, at once: it runs on the supervisor's task. What it raises is logged."""
