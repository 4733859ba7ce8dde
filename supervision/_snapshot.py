"""A picture of a tree at one moment, for status commands and health checks."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from supervision._core._state import Child, Mode, Phase, State
from supervision._outcome import ChildId, Death, Seconds, describe
from supervision._spec import ChildSpec, Kind


@dataclass(frozen=True, slots=True)
class ChildSnapshot:
    """One child, or the root, as it stands; times are of `trio.current_time`."""

    id: ChildId
    path: str
    kind: Kind
    state: str
    """The child's phase; for the root, its mode."""
    incarnation: int
    restarts: int
    since: Seconds
    """When it entered that state."""
    at: Seconds
    """When the picture was taken."""
    deadline: Seconds | None = None
    """When the state ends by itself, if it does."""
    last_outcome: str | None = None
    last_error: str | None = None
    deaths: tuple[Death, ...] = ()
    zombies: int = 0
    """Abandoned incarnations that still run."""
    is_paused: bool = False
    children: tuple["ChildSnapshot", ...] = ()

    @property
    def age(self) -> Seconds:
        """Seconds in this state."""
        return self.at - self.since

    @property
    def is_degraded(self) -> bool:
        """Whether something at or below it is parked or would not die."""
        return any(each.state == Phase.PARKED or each.zombies for each in self.walk())

    def walk(self) -> Iterator["ChildSnapshot"]:
        """Yield it and everything below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How many children a supervisor has, and in which condition."""

    specs: int
    active: int
    """With an incarnation that is starting, ready or stopping."""
    supervisors: int
    workers: int
    parked: int
    backoff: int
    zombies: int


@dataclass(frozen=True, slots=True)
class SupervisorStatistics:
    """The numbers of one life of a supervisor."""

    children: ChildCounts
    restarts: int
    """Restarts decided on, of all children."""
    budget_left: int
    """Restarts that the window would still allow now."""
    stale_notices: int
    waiting_inputs: int
    """Notices and requests that wait to be dealt with."""


def count_children(state: State) -> ChildCounts:
    """Count the children of *state*."""
    phases = Counter(each.phase for each in state.children.values())
    supervisors = sum(each.spec.kind is Kind.SUPERVISOR for each in state.children.values())
    return ChildCounts(
        specs=len(state.children),
        active=state.live_count,
        supervisors=supervisors,
        workers=len(state.children) - supervisors,
        parked=phases[Phase.PARKED],
        backoff=phases[Phase.BACKOFF],
        zombies=len(state.zombies),
    )


def supervisor_statistics(state: State, waiting_inputs: int, now: Seconds) -> SupervisorStatistics:
    """Return the numbers of *state*."""
    return SupervisorStatistics(
        children=count_children(state),
        restarts=state.restarts,
        budget_left=state.window.left(now),
        stale_notices=state.stale_notices,
        waiting_inputs=waiting_inputs,
    )


def snapshot_root(
    root: ChildId, state: State | None, now: Seconds, children: tuple[ChildSnapshot, ...]
) -> ChildSnapshot:
    """Return the picture of a supervisor itself; without a *state* it has not run yet."""
    return ChildSnapshot(
        id=root,
        path=state.path if state else root,
        kind=Kind.SUPERVISOR,
        state=state.mode if state else Mode.NEW,
        incarnation=1 if state else 0,
        restarts=0,
        since=state.since if state else now,
        at=now,
        children=children,
    )


def snapshot_children(
    state: State, now: Seconds, below: Callable[[ChildSpec], tuple[ChildSnapshot, ...]]
) -> tuple[ChildSnapshot, ...]:
    """Return the children of *state*, in start order; *below* knows what is under each."""
    return tuple(
        _snapshot(state, child, now, below(child.spec)) for child in state.children.values()
    )


def _snapshot(
    state: State, child: Child, now: Seconds, children: tuple[ChildSnapshot, ...]
) -> ChildSnapshot:
    last = child.deaths[-1] if child.deaths else None
    return ChildSnapshot(
        id=child.id,
        path=f"{state.path}/{child.id}",
        kind=child.spec.kind,
        state=child.phase,
        incarnation=child.incarnation,
        restarts=child.restarts,
        since=child.since,
        at=now,
        deadline=child.due if child.due < math.inf else None,
        last_outcome=last.cause if last else None,
        last_error=describe(child.last) or None if child.last else None,
        deaths=child.deaths,
        zombies=sum(zombie == child.id for zombie, _ in state.zombies),
        is_paused=child.is_paused,
        children=children,
    )
