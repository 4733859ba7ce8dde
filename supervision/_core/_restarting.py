"""Restarting: may it, when, and who with it."""

import random
from dataclasses import replace

from supervision._core._messages import HardExit
from supervision._core._state import Child, GiveUp, Grounds, Phase, budget_left, group_of
from supervision._core._stopping import shut_down
from supervision._core._transition import Transition
from supervision._events import (
    ChildParked,
    Escalated,
    GroupRestart,
    RestartRefused,
    RestartScheduled,
)
from supervision._outcome import Failure, Outcome, Seconds, describe, failure_of
from supervision._spec import OnExhausted, Strategy

MAX_DOUBLINGS = 6  # of the cool-down: a minute grows to about an hour, not to a day


def restart(t: Transition, child: Child, outcome: Outcome) -> None:
    """Schedule the restart of *child*, park it, or give up: whatever its budget says."""
    if is_blocked(t, child):
        give_up(t, Grounds.ZOMBIE, child, outcome)
    elif budget_left(t.state, child, t.now) != 0:
        _schedule(t, child)
    elif child.spec.on_exhausted is OnExhausted.PARK:
        park(t, child)
    else:
        t.emit(RestartRefused(*t.about(child), reason="restart intensity exceeded"))
        give_up(t, Grounds.INTENSITY, child, outcome)


def is_blocked(t: Transition, child: Child) -> bool:
    """Tell whether *child* must not start because of its own zombie (D13)."""
    return child.spec.exclusive and t.has_zombie(child)


def _schedule(t: Transition, child: Child) -> None:
    if child.spec.on_exhausted is OnExhausted.ESCALATE:
        t.state = replace(t.state, window=t.state.window.record(t.now))
    delay = child.spec.backoff.delay(child.attempt, _chance(t, child))
    left = budget_left(t.state, replace(child, attempt=child.attempt + 1), t.now)
    t.emit(RestartScheduled(*t.about(child), delay=delay, attempt=child.attempt, budget_left=left))
    t.state = replace(t.state, restarts=t.state.restarts + 1)
    child = replace(child, attempt=child.attempt + 1, restarts=child.restarts + 1)
    t.put(replace(child, phase=Phase.BACKOFF, since=t.now, deadline=t.now + delay))
    if t.state.spec.strategy is Strategy.ONE_FOR_ONE:
        t.unroll(child.id)
    else:
        _gather(t, child, t.now + delay)


def _chance(t: Transition, child: Child) -> float:
    # A function of the seed and of which restart it is: the step stays pure, restarts stay apart.
    text = f"{t.state.seed}/{t.state.path}/{child.id}/{child.restarts}"
    return random.Random(text).random()  # noqa: S311 - jitter guards nothing


def _gather(t: Transition, offender: Child, not_before: Seconds) -> None:
    """Stop the offender's group in reverse order, to be started again in order (D10)."""
    group = group_of(t.state, offender.id)
    halting = {*t.state.halting, *(each.id for each in group if each.is_live)}
    again = {*t.state.rollout, *(each.id for each in group if _comes_back(each))}
    order = tuple(t.children)
    t.state = replace(
        t.state,
        halting=tuple(each for each in reversed(order) if each in halting),
        rollout=tuple(each for each in order if each in again),
        rollout_at=max(t.state.rollout_at, not_before),
    )
    if len(group) > 1:
        ids = tuple(each.id for each in group if _comes_back(each))
        t.emit(GroupRestart(*t.about(offender), ids=ids))


def _comes_back(child: Child) -> bool:
    # A temporary child that is stopped with its group is gone; one that never ran still may.
    return child.is_pending or not child.is_temporary


def park(t: Transition, child: Child, *, for_good: bool = False) -> None:
    """Open the circuit of *child* (D7)."""
    cooldown = child.spec.cooldown * 2 ** min(child.trips, MAX_DOUBLINGS)
    t.emit(ChildParked(*t.about(child), cooldown=None if for_good else cooldown))
    t.put(
        replace(
            child,
            phase=Phase.PARKED,
            since=t.now,
            deadline=None if for_good else t.now + cooldown,
            trips=child.trips + 1,
            is_trial=True,
        )
    )
    t.unroll(child.id)


def give_up(t: Transition, grounds: Grounds, child: Child, outcome: Outcome) -> None:
    """Stop everything and leave with an error."""
    failure = failure_of(outcome) or Failure(type(outcome).__name__, describe(outcome))
    verdict = GiveUp(grounds, child.id, failure, child.deaths)
    t.state = replace(t.state, give_up=verdict)
    t.emit(Escalated(*t.about(child), reason=grounds.value))
    shut_down(t)


def check_zombies(t: Transition) -> None:
    """End the process when more abandoned children run than it should carry."""
    if len(t.state.zombies) > t.state.spec.max_zombies:
        t.act(HardExit(f"{t.state.path}: {len(t.state.zombies)} zombies"))
