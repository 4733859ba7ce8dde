"""Stopping: the ladder of one child (D12), and many in reverse order."""

import math
from dataclasses import replace

from supervision._core._messages import Ask, Cancel, Exit
from supervision._core._state import Child, Mode, Phase, earliest
from supervision._core._transition import Transition
from supervision._events import (
    ChildrenStopped,
    ChildStopping,
    Stage,
    SupervisorStopped,
    SupervisorStopping,
)
from supervision._outcome import Seconds, StopCause
from supervision._spec import Kind

LEAST_GRACE: Seconds = 0.1  # a cancelled child needs a turn of the loop or two to be seen ending
_NO_DRAIN = (StopCause.STALLED, StopCause.START_TIMED_OUT)  # it would not hear us


def shut_down(t: Transition, *, is_urgent: bool = False) -> None:
    """Begin the stop of all children; a second, urgent call hastens the first."""
    t.state = replace(t.state, is_urgent=t.state.is_urgent or is_urgent)
    if not t.state.is_stopping:
        _begin_shutdown(t)
    if is_urgent:  # whoever was being stopped already is hastened as well
        _hurry(t)


def _begin_shutdown(t: Transition) -> None:
    t.emit(SupervisorStopping(t.state.path, t.now))
    for child in tuple(t.children.values()):
        if child.is_pending or child.phase is Phase.PARKED:
            t.put(replace(child, phase=Phase.STOPPED, since=t.now, deadline=None))
    live = [child for child in t.children.values() if child.is_live]
    t.enter(Mode.STOPPING)
    if t.state.spec.is_dynamic:
        for child in live:
            _stop_unless_stopping(t, child)
    else:
        halting = tuple(child.id for child in reversed(live))
        t.state = replace(t.state, rollout=(), halting=halting)


def _hurry(t: Transition) -> None:
    for child in tuple(t.children.values()):
        if child.phase is Phase.STOPPING:
            cancel(t, child)


def stop(t: Transition, child: Child, cause: StopCause) -> None:
    """Begin the stop of one live child: ask, and cancel at once unless it may drain."""
    may_drain = child.spec.drain > 0 and not t.state.is_urgent and cause not in _NO_DRAIN
    # A worker that is not ready has nothing to finish; a supervisor has children even then.
    may_drain = may_drain and (child.phase is Phase.READY or child.spec.kind is Kind.SUPERVISOR)
    until = t.now + child.spec.drain
    child = replace(
        child, phase=Phase.STOPPING, since=t.now, cause=cause, stage=Stage.ASK, deadline=until
    )
    t.act(Ask(child.id, child.incarnation))
    if may_drain:
        t.put(child)
        t.emit(ChildStopping(*t.about(child), stage=Stage.ASK, cause=cause))
    else:
        cancel(t, child)


def cancel(t: Transition, child: Child) -> None:
    """Go on to the cancel, and begin the grace; again, only to shorten it."""
    cause = child.cause or StopCause.SHUTDOWN
    is_hurried = t.state.is_urgent and child.spec.kind is Kind.WORKER
    grace = 0.0 if is_hurried else child.spec.grace
    if child.stage is not Stage.CANCEL:
        t.emit(ChildStopping(*t.about(child), stage=Stage.CANCEL, cause=cause))
        t.act(Cancel(child.id, child.incarnation, cause))
        until = math.inf
    else:
        until = earliest(child.deadline)
    until = min(until, t.now + max(grace, LEAST_GRACE))
    t.put(replace(child, stage=Stage.CANCEL, deadline=until))


def halt(t: Transition) -> None:
    """Stop the next child in line, once the one before it is gone."""
    if not t.state.halting:
        return
    _stop_unless_stopping(t, t.children[t.state.halting[0]])


def _stop_unless_stopping(t: Transition, child: Child) -> None:
    if child.phase is not Phase.STOPPING:
        stop(t, child, StopCause.SHUTDOWN if t.state.is_stopping else StopCause.SIBLING)


def finish(t: Transition) -> None:
    """Leave once every child is down or abandoned; dynamic ones may all be on their way yet."""
    if t.live_count:
        return
    t.enter(Mode.STOPPED)
    if t.state.spec.is_dynamic:
        t.emit(ChildrenStopped(t.state.path, t.now, ends=t.state.ends))
    t.emit(SupervisorStopped(t.state.path, t.now))
    t.act(Exit())
