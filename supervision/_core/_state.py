"""The state of one supervisor, as a value.

Invariants, which every step keeps:
- at most one live incarnation per child, zombies apart; incarnations only grow;
- *halting* holds live children only, the one being stopped first, in the order of stopping;
- *rollout* holds children still to become ready, in the order of starting; it moves only while
  nothing halts and *rollout_at* has come: the end of the last delay in it, so somebody is due then;
- a timer is nowhere but in `Child.due`, derived, so none can outlive its reason.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from supervision._core._messages import Ticket
from supervision._events import Stage
from supervision._outcome import ChildId, Death, Failure, Outcome, Seconds, StopCause
from supervision._restart import Restart
from supervision._spec import ChildSpec, OnExhausted, Strategy, SupervisorSpec
from supervision._window import RestartWindow


class Phase(StrEnum):
    """Where a child is in its life."""

    STOPPED = "stopped"
    """Down, until somebody starts it."""
    WAITING = "waiting"
    """Down, its turn in a start sequence has not come."""
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    """Down, to be restarted at its deadline."""
    PARKED = "parked"
    """Down, its circuit is open; tried again at its deadline, if it has one."""
    ZOMBIE = "zombie"
    """Abandoned, still running, not replaced."""
    DONE = "done"
    """Ended by itself and not to be restarted."""


class Mode(StrEnum):
    """Where the supervisor is in its life."""

    NEW = "new"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


LIVE = frozenset({Phase.STARTING, Phase.READY, Phase.STOPPING})
PENDING = frozenset({Phase.WAITING, Phase.BACKOFF})


@dataclass(frozen=True, slots=True)
class Child:
    """One child and its past."""

    spec: ChildSpec
    phase: Phase
    since: Seconds
    incarnation: int = 0
    deadline: Seconds | None = None
    """When the phase ends by itself: start timeout, stage of the stop, end of a delay."""
    ready_at: Seconds | None = None
    """Set while this incarnation is ready, or was when its stop began."""
    beat_at: Seconds = 0.0
    cause: StopCause | None = None
    stage: Stage | None = None
    attempt: int = 0
    """Restarts since the last healthy run: the exponent of the backoff."""
    restarts: int = 0
    is_trial: bool = False
    """It was parked, and this incarnation must prove itself."""
    trips: int = 0
    """How often it was parked without a healthy run in between."""
    last: Outcome | None = None
    deaths: tuple[Death, ...] = ()
    start_ticket: Ticket | None = None
    """The manual start that waits for it; failures are then its business alone, never counted."""
    is_new: bool = False
    """Added by that manual start: forgotten if the start fails."""
    stop_tickets: tuple[Ticket, ...] = ()
    is_paused: bool = False
    """It takes no new work, and its successors neither."""

    @property
    def id(self) -> ChildId:
        """The spec's id."""
        return self.spec.id

    @property
    def is_live(self) -> bool:
        """Whether an incarnation runs that the supervisor still waits for."""
        return self.phase in LIVE

    @property
    def is_pending(self) -> bool:
        """Whether it is down but will be started."""
        return self.phase in PENDING

    @property
    def is_temporary(self) -> bool:
        """Whether it is never restarted."""
        return self.spec.restart is Restart.TEMPORARY

    @property
    def heartbeat_due(self) -> Seconds | None:
        """When it counts as stalled unless it beats."""
        timeout = self.spec.heartbeat_timeout
        return None if timeout is None else self.beat_at + timeout

    @property
    def healthy_due(self) -> Seconds | None:
        """When its trial is passed."""
        if not self.is_trial or self.ready_at is None:
            return None
        return self.ready_at + self.spec.backoff.healthy_after

    @property
    def due(self) -> Seconds:
        """When it next needs attention."""
        if self.phase is Phase.READY:
            return earliest(self.heartbeat_due, self.healthy_due)
        return math.inf if self.deadline is None else self.deadline


class Grounds(StrEnum):
    """What made a supervisor give up."""

    INTENSITY = "intensity"
    START = "start"
    FATAL = "fatal"
    ZOMBIE = "zombie"


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Why the supervisor leaves with an error."""

    grounds: Grounds
    child: ChildId
    failure: Failure
    tally: tuple[Death, ...]


@dataclass(frozen=True, slots=True)
class State:
    """Everything a supervisor knows."""

    spec: SupervisorSpec
    path: str
    seed: float
    """Makes the jitter: the same seed gives the same delays."""
    children: Mapping[ChildId, Child]
    window: RestartWindow
    since: Seconds
    """When the mode was entered."""
    mode: Mode = Mode.NEW
    is_ready: bool = False
    is_urgent: bool = False
    """Stop without drain or grace."""
    rollout: tuple[ChildId, ...] = ()
    rollout_at: Seconds = -math.inf
    halting: tuple[ChildId, ...] = ()
    zombies: frozenset[tuple[ChildId, int]] = frozenset()
    live_count: int = 0
    """How many children are live: the sum of their `is_live`, at hand."""
    restarts: int = 0
    ends: Mapping[str, int] = field(default_factory=dict)
    """How the children of a dynamic supervisor ended in its stop: each way with its count."""
    give_up: GiveUp | None = None
    stale_notices: int = 0

    @property
    def is_stopping(self) -> bool:
        """Whether it is on its way down, or down."""
        return self.mode in (Mode.STOPPING, Mode.STOPPED)


def earliest(*times: Seconds | None) -> Seconds:
    """Return the first of *times*; infinity if there is none."""
    return min((each for each in times if each is not None), default=math.inf)


def initial_state(spec: SupervisorSpec, *, path: str, seed: float, now: Seconds) -> State:
    """Return the state before the first step: every child is down."""
    children = {each.id: Child(each, Phase.STOPPED, now) for each in spec.children}
    window = RestartWindow(spec.intensity, spec.period)
    return State(spec, path, seed, children, window, since=now)


def group_of(state: State, offender: ChildId) -> tuple[Child, ...]:
    """Return the children that a group strategy restarts for *offender*, in start order.

    That is the strategy's set, less those that had ended or were stopped before (D9).
    """
    ids = list(state.children)
    if state.spec.strategy is Strategy.REST_FOR_ONE:
        ids = ids[ids.index(offender) :]
    return tuple(
        child
        for child in (state.children[each] for each in ids)
        if child.id == offender or _takes_part(child)
    )


def _takes_part(child: Child) -> bool:
    return child.is_pending or (child.is_live and child.cause is not StopCause.TERMINATED)


def budget_left(state: State, child: Child, now: Seconds) -> int | None:
    """Return how many more restarts *child* has; None if it never gives up."""
    match child.spec.on_exhausted:
        case OnExhausted.NEVER:
            return None
        case OnExhausted.PARK:
            return 0 if child.is_trial else max(0, state.spec.intensity - child.attempt)
        case OnExhausted.ESCALATE:
            return state.window.left(now)
        case _:
            assert_never(child.spec.on_exhausted)


def reset_if_healthy(child: Child, ran_for: Seconds) -> Child:
    """Forget earlier restarts after a healthy run (D5)."""
    if ran_for < child.spec.backoff.healthy_after:
        return child
    return replace(child, attempt=0, trips=0, is_trial=False)
