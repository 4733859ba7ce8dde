"""Time: deadlines that have come, signs of life, and time that nobody had."""

from dataclasses import replace

from supervision._core._ending import abandon
from supervision._core._messages import Beaten
from supervision._core._starting import start
from supervision._core._state import Child, Phase, earliest
from supervision._core._stopping import cancel, stop
from supervision._core._transition import Transition
from supervision._events import ChildStalled, ChildUnparked, LoopStalled, Stage
from supervision._outcome import ChildId, Seconds, StopCause

STALL_TOLERANCE: Seconds = 1.0  # a tick this late says that the loop, not a child, stood still


def on_beaten(t: Transition, notice: Beaten) -> None:
    """Note a sign of life; one from an incarnation that is over has no meaning."""
    child = t.live(notice.child, notice.incarnation)
    if child is not None:
        t.put(replace(child, beat_at=max(child.beat_at, notice.at)))


def on_tick(t: Transition, due: tuple[ChildId, ...]) -> None:
    """Do what is due; if the loop stood still, forgive first (D14)."""
    expected = earliest(*(t.children[i].due for i in due if i in t.children))
    late_by = t.now - expected
    if late_by > STALL_TOLERANCE:
        t.emit(LoopStalled(t.state.path, t.now, late_by=late_by))
        for child in tuple(t.children.values()):
            t.put(_forgiven(t, child))
    for each in due:
        now = t.children.get(each)  # an earlier child's turn may have moved or dropped it
        if now is not None and now.due <= t.now:
            _expire(t, now)


def _forgiven(t: Transition, child: Child) -> Child:
    match child.phase:
        case Phase.READY:
            return replace(child, beat_at=t.now)
        case Phase.STARTING | Phase.STOPPING if child.due <= t.now:
            return replace(child, deadline=t.now + STALL_TOLERANCE)
        case _:
            return child


def _expire(t: Transition, child: Child) -> None:
    match child.phase:
        case Phase.STARTING:
            stop(t, child, StopCause.START_TIMED_OUT)
        case Phase.READY:
            _check_health(t, child)
        case Phase.STOPPING:
            _climb(t, child)
        case Phase.BACKOFF if child.id in t.state.rollout:
            t.put(replace(child, phase=Phase.WAITING, since=t.now, deadline=None))
        case _:  # a delay or a cool-down is over
            start(t, child)


def _check_health(t: Transition, child: Child) -> None:
    if child.heartbeat_due is not None and child.heartbeat_due <= t.now:
        t.emit(ChildStalled(*t.about(child), silent_for=t.now - child.beat_at))
        stop(t, child, StopCause.STALLED)
    else:
        t.emit(ChildUnparked(*t.about(child)))
        t.put(replace(child, is_trial=False, trips=0, attempt=0))


def _climb(t: Transition, child: Child) -> None:
    if child.stage is Stage.ASK:
        cancel(t, child)
    else:
        abandon(t, child)
