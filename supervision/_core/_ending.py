"""Ending: what follows when an incarnation is over, or is given up for lost."""

from dataclasses import replace
from enum import Enum, auto
from typing import assert_never

from supervision._core._messages import Abandon, Done, Ended, NotStarted, Refusal
from supervision._core._restarting import (
    check_zombies,
    give_up,
    is_blocked,
    park,
    restart,
)
from supervision._core._state import Child, Grounds, Phase, reset_if_healthy
from supervision._core._stopping import shut_down
from supervision._core._transition import Transition
from supervision._events import (
    ChildAbandoned,
    ChildExited,
    CleanupFailed,
    SignificantChildLeft,
    ZombieEnded,
)
from supervision._outcome import (
    Death,
    Ending,
    Fatal,
    Ignored,
    Outcome,
    Raised,
    Seconds,
    Stalled,
    StartFailed,
    StartTimedOut,
    StopCause,
    Stopped,
    classify,
    describe,
    failure_of,
    is_normal,
)
from supervision._restart import Restart
from supervision._spec import AutoShutdown, OnExhausted

TALLY_SIZE = 100  # deaths remembered per child
_FAILED_START = (StartFailed, StartTimedOut)


class Fate(Enum):
    """What becomes of a child that ended by itself."""

    RESTART = auto()
    KEEP = auto()
    FORGET = auto()


def fate(restart_type: Restart, outcome: Outcome) -> Fate:
    """Return the fate that the restart type and the outcome decide: OTP's truth table."""
    match restart_type:
        case Restart.TEMPORARY:
            return Fate.FORGET
        case _ if isinstance(outcome, Ignored):
            return Fate.KEEP
        case Restart.PERMANENT:
            return Fate.RESTART
        case Restart.TRANSIENT:
            return Fate.KEEP if is_normal(outcome) else Fate.RESTART
        case _:
            assert_never(restart_type)


def on_ended(t: Transition, notice: Ended) -> None:
    """Take an incarnation's end."""
    child = t.live(notice.child, notice.incarnation)
    if child is not None:
        _leave(t, child, _outcome(child, notice.ending))
    elif (notice.child, notice.incarnation) in t.state.zombies:
        _bury(t, notice)
    else:
        t.drop_notice(notice.child, notice.incarnation)


def abandon(t: Transition, child: Child) -> None:
    """Stop waiting for a child that does not end: fence it and go on without it."""
    t.emit(ChildAbandoned(*t.about(child), cause=child.cause or StopCause.SHUTDOWN))
    t.act(Abandon(child.id, child.incarnation))
    zombie = (child.id, child.incarnation)
    t.state = replace(t.state, zombies=t.state.zombies | {zombie})
    _leave(t, child, _outcome(child, None), is_abandoned=True)
    after = t.children[child.id]
    if not (after.is_pending or after.phase is Phase.PARKED):  # nothing takes its place
        t.put(replace(after, phase=Phase.ZOMBIE, since=t.now, deadline=None))
    check_zombies(t)


def _bury(t: Transition, notice: Ended) -> None:
    zombie = (notice.child, notice.incarnation)
    t.state = replace(t.state, zombies=t.state.zombies - {zombie})
    t.emit(ZombieEnded(t.state.path, t.now, *zombie))
    child = t.children[notice.child]
    if child.phase is not Phase.ZOMBIE or t.has_zombie(child):
        return
    if t.is_forgotten_when_down(child):
        t.drop(child)
    else:
        t.put(replace(child, phase=Phase.STOPPED, since=t.now))


def _outcome(child: Child, ending: Ending | None) -> Outcome:
    match child.cause:
        case None if ending is not None:
            return classify(ending, was_ready=child.ready_at is not None)
        case StopCause.STALLED:
            return Stalled(child.since - child.beat_at)
        case StopCause.START_TIMED_OUT:
            return StartTimedOut(child.spec.start_timeout)
        case cause:
            error = ending.failure if isinstance(ending, Raised) else None
            return Stopped(cause or StopCause.SHUTDOWN, error)


def _healthy_for(t: Transition, child: Child) -> Seconds:
    """Return how long it worked: a stall or a stop is no part of that."""
    if child.ready_at is None:
        return 0.0
    if child.cause is StopCause.STALLED:
        return child.beat_at - child.ready_at
    return (child.since if child.phase is Phase.STOPPING else t.now) - child.ready_at


def _leave(t: Transition, child: Child, outcome: Outcome, *, is_abandoned: bool = False) -> None:
    ran_for = _healthy_for(t, child)
    about = t.about(child)
    t.emit(ChildExited(*about, outcome=outcome, ran_for=ran_for, restart=child.spec.restart))
    if isinstance(outcome, Stopped) and outcome.error is not None:
        t.emit(CleanupFailed(*about, failure=outcome.error))
    if t.state.is_stopping and t.state.spec.is_dynamic:
        _count(t, outcome, is_abandoned=is_abandoned)
    _answer(t, child, outcome)
    down = t.put(reset_if_healthy(_down(t, child, outcome, ran_for), ran_for))
    _follow_up(t, child, down, outcome)


def _count(t: Transition, outcome: Outcome, *, is_abandoned: bool) -> None:
    failure = failure_of(outcome)
    way = "Abandoned" if is_abandoned else type(outcome).__name__
    way = f"{way} {failure.kind}" if failure else way  # without the message: ways must be few
    t.state = replace(t.state, ends={**t.state.ends, way: t.state.ends.get(way, 0) + 1})


def _down(t: Transition, child: Child, outcome: Outcome, ran_for: Seconds) -> Child:
    message = describe(outcome)
    death = Death(child.incarnation, t.now, ran_for, type(outcome).__name__, message)
    return replace(
        child,
        phase=Phase.STOPPED,
        since=t.now,
        deadline=None,
        ready_at=None,
        cause=None,
        stage=None,
        last=outcome,
        deaths=(*child.deaths, death)[-TALLY_SIZE:],
        start_ticket=None,
        is_new=False,
        stop_tickets=(),
    )


def _answer(t: Transition, child: Child, outcome: Outcome) -> None:
    for ticket in child.stop_tickets:
        t.reply(ticket, Done())
    match outcome:
        case Stopped():
            t.reply(child.start_ticket, Refusal.INTERRUPTED)
        case Ignored():
            t.reply(child.start_ticket, Done())
        case _:
            t.reply(child.start_ticket, NotStarted(describe(outcome)))


def _follow_up(t: Transition, was: Child, child: Child, outcome: Outcome) -> None:
    """Decide what comes next; *was* is the child before its end, *child* after it."""
    is_first = was.incarnation == 1 and not t.state.is_ready
    is_failed_start = isinstance(outcome, _FAILED_START)
    is_collected = child.id in t.state.halting
    t.unhalt(child.id)
    if t.state.is_stopping:
        return
    if was.start_ticket is not None and (is_failed_start or isinstance(outcome, Fatal)):
        _undo_manual_start(t, was, child)
    elif isinstance(outcome, Fatal):
        _refuse_restart(t, child, outcome)
    elif is_collected:
        _collect(t, child, outcome)
    elif was.cause is StopCause.TERMINATED:
        _keep_down(t, child, Phase.STOPPED)
    elif is_failed_start and is_first and not child.spec.lenient_start:
        give_up(t, Grounds.START, child, outcome)
    else:
        _meet_fate(t, child, outcome)


def _undo_manual_start(t: Transition, was: Child, child: Child) -> None:
    if was.is_new:
        t.drop(child)
    elif was.is_trial and not is_blocked(t, child):
        park(t, child)
    else:
        _keep_down(t, child, Phase.STOPPED)


def _refuse_restart(t: Transition, child: Child, outcome: Outcome) -> None:
    if child.spec.on_exhausted is OnExhausted.PARK:
        park(t, child, for_good=True)
    else:
        give_up(t, Grounds.FATAL, child, outcome)


def _collect(t: Transition, child: Child, outcome: Outcome) -> None:
    """Go on with a group's stop: this member is down, whether it was asked or not."""
    if child.id not in t.state.rollout:
        _keep_down(t, child, Phase.STOPPED)
    elif is_blocked(t, child):
        give_up(t, Grounds.ZOMBIE, child, outcome)
    else:
        t.put(replace(child, phase=Phase.WAITING))


def _keep_down(t: Transition, child: Child, phase: Phase) -> None:
    if t.is_forgotten_when_down(child):
        t.drop(child)
    else:
        t.put(replace(child, phase=phase))


def _meet_fate(t: Transition, child: Child, outcome: Outcome) -> None:
    match fate(child.spec.restart, outcome):
        case Fate.RESTART:
            restart(t, child, outcome)
        case Fate.KEEP | Fate.FORGET:
            _keep_down(t, child, Phase.DONE)
            if child.spec.significant and not isinstance(outcome, Ignored):
                _consider_shutdown(t, child)
        case impossible:
            assert_never(impossible)


def _consider_shutdown(t: Transition, child: Child) -> None:
    """Stop if those that matter have left: *child* just did, by itself and for good."""
    one_is_enough = t.state.spec.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT
    if one_is_enough or not any(map(_matters_still, t.children.values())):
        t.emit(SignificantChildLeft(*t.about(child)))
        shut_down(t)


def _matters_still(child: Child) -> bool:
    stays = child.is_live or child.is_pending or child.phase is Phase.PARKED
    return child.spec.significant and stays
