"""Management: OTP's calls (start, restart, terminate, delete), each answered exactly once."""

from dataclasses import replace
from typing import assert_never

from supervision._core._messages import (
    DeleteChild,
    Done,
    PauseChild,
    Refusal,
    ResetChild,
    RestartChild,
    SetPaused,
    StartChild,
    TerminateChild,
)
from supervision._core._restarting import is_blocked
from supervision._core._starting import start
from supervision._core._state import Child, Phase
from supervision._core._stopping import stop
from supervision._core._transition import Transition
from supervision._events import ChildPaused, ChildResumed
from supervision._outcome import Seconds, StopCause
from supervision._spec import Kind


def start_child(t: Transition, request: StartChild) -> None:
    """Add a child after all others and start it."""
    known = t.children.get(request.spec.id)
    if t.state.is_stopping:
        t.reply(request.ticket, Refusal.STOPPING)
    elif known is not None:
        is_up = known.phase in (Phase.STARTING, Phase.READY)
        t.reply(request.ticket, Refusal.RUNNING if is_up else Refusal.PRESENT)
    else:
        child = Child(request.spec, Phase.STOPPED, t.now, start_ticket=request.ticket, is_new=True)
        start(t, child)


def restart_child(t: Transition, request: RestartChild) -> None:
    """Start a child that is down; a parked one gets its trial now."""
    child = t.children.get(request.child)
    refusal = Refusal.STOPPING if t.state.is_stopping else _why_not_down(child)
    if refusal is None and child is not None and is_blocked(t, child):
        refusal = Refusal.ZOMBIE
    if child is None or refusal is not None:
        t.reply(request.ticket, refusal or Refusal.NOT_FOUND)
    else:
        start(t, replace(child, start_ticket=request.ticket))


def delete_child(t: Transition, request: DeleteChild) -> None:
    """Forget a child that is down."""
    child = t.children.get(request.child)
    refusal = Refusal.STOPPING if t.state.is_stopping else _why_not_down(child)
    if refusal is None and child is not None and t.has_zombie(child):
        refusal = Refusal.ZOMBIE
    if child is None or refusal is not None:
        t.reply(request.ticket, refusal or Refusal.NOT_FOUND)
    else:
        t.drop(child)
        t.reply(request.ticket, Done())


def terminate_child(t: Transition, request: TerminateChild) -> None:
    """Stop a child and leave it down; a pending restart is cancelled (D9)."""
    child = t.children.get(request.child)
    if child is None:
        t.reply(request.ticket, Refusal.NOT_FOUND)
    elif child.is_live:
        _terminate_live(t, child, request)
    else:
        _terminate_down(t, child)
        t.reply(request.ticket, Done())


def _terminate_live(t: Transition, child: Child, request: TerminateChild) -> None:
    if request.ticket is not None:
        child = replace(child, stop_tickets=(*child.stop_tickets, request.ticket))
    t.put(child)
    if t.state.is_stopping:
        return
    t.unroll(child.id)  # a group that halts still waits for it
    if child.phase is Phase.STOPPING:
        t.put(replace(child, cause=StopCause.TERMINATED))
    else:
        stop(t, child, StopCause.TERMINATED)


def _terminate_down(t: Transition, child: Child) -> None:
    if child.phase is Phase.ZOMBIE:
        return
    t.unroll(child.id)
    if child.phase is Phase.BACKOFF:
        # Those that wait for it no longer have to.
        t.state = replace(t.state, rollout_at=_end_of_delays(t))
    if t.is_forgotten_when_down(child):
        t.drop(child)
    else:
        t.put(replace(child, phase=Phase.STOPPED, since=t.now, deadline=None))


def _end_of_delays(t: Transition) -> Seconds:
    line = (t.children[each] for each in t.state.rollout)
    return max((each.due for each in line if each.phase is Phase.BACKOFF), default=t.now)


def pause_child(t: Transition, request: PauseChild) -> None:
    """Have a worker take no new work, or take it again; that outlasts its restarts."""
    child = t.children.get(request.child)
    if child is None:
        t.reply(request.ticket, Refusal.NOT_FOUND)
    elif child.spec.kind is Kind.SUPERVISOR:
        t.reply(request.ticket, Refusal.NO_WORKER)
    else:
        if child.is_paused is not request.is_paused:
            _set_paused(t, child, is_paused=request.is_paused)
        t.reply(request.ticket, Done())


def reset_child(t: Transition, request: ResetChild) -> None:
    """Forget the failures of a child: its budget, backoff and cool-down begin anew."""
    child = t.children.get(request.child)
    if child is None:
        t.reply(request.ticket, Refusal.NOT_FOUND)
    else:
        t.put(replace(child, attempt=0, trips=0, is_trial=False, last=None, deaths=()))
        t.reply(request.ticket, Done())


def _set_paused(t: Transition, child: Child, *, is_paused: bool) -> None:
    child = t.put(replace(child, is_paused=is_paused))
    t.emit((ChildPaused if is_paused else ChildResumed)(*t.about(child)))
    if child.is_live:
        t.act(SetPaused(child.id, child.incarnation, is_paused))


def _why_not_down(child: Child | None) -> Refusal | None:
    if child is None:
        return Refusal.NOT_FOUND
    match child.phase:
        case Phase.STARTING | Phase.READY:
            return Refusal.RUNNING
        case Phase.STOPPING | Phase.BACKOFF | Phase.WAITING:
            return Refusal.RESTARTING
        case Phase.STOPPED | Phase.DONE | Phase.PARKED | Phase.ZOMBIE:
            return None
        case _:
            assert_never(child.phase)
