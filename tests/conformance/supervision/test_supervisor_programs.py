"""Whole programs on the real driver: whatever children and operators do, the rules hold.

Each example is one run on a virtual clock of its own (section 7 of the specification).
"""

import re
import threading
from collections import defaultdict

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings

from supervision import (
    ChildEvent,
    ChildExited,
    ChildStarting,
    ChildStopping,
    OnExhausted,
    RestartScheduled,
    StopCause,
    SupervisorStopping,
)
from tests.conformance.supervision.programs import CHILDREN, play, programs

LETTERS = {
    "child_starting": "s",
    "child_ready": "r",
    "child_stalled": "l",
    "child_stopping": "c",
    "child_abandoned": "a",
    "child_exited": "x",
    "cleanup_failed": "f",
    "zombie_ended": "z",
}
LIFE = re.compile(r"s(r?l?c{0,2}xf?|r?l?c{1,2}axz?)")
"""What may happen to one incarnation, in this order: told whole, from its start to its end. The end
of a zombie that outlives its supervisor is told to nobody."""


def run(program):
    clock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(play, program, clock=clock)


def lives(events):
    """Return the events of each incarnation of each child, as letters."""
    told = defaultdict(str)
    for event in events:
        if isinstance(event, ChildEvent) and event.name in LETTERS:
            key = (event.supervisor, event.child, event.incarnation)
            told[key] += LETTERS[event.name]
    return told


def check_lives(result, program):
    """Each incarnation was told from its start to its end; those of a child come one by one."""
    if program.nested:  # a nested supervisor that is restarted counts its children anew
        events = [each for each in result.recorder.events if each.supervisor == "root"]
    else:
        events = result.recorder.events
    for key, letters in lives(events).items():
        assert LIFE.fullmatch(letters), (key, letters)
    running = set()
    for event in events:
        match event:
            case ChildStarting(child=child):
                assert child not in running, "two at once"
                running.add(child)
            case ChildExited(child=child):
                running.remove(child)


def check_restarts(result, program):
    """No restart comes before its delay unless somebody asked, and no window holds too many."""
    due, decided = {}, []
    policies = {each.id: each.on_exhausted for each in program.specs}
    for event in result.recorder.events:
        if event.supervisor != "root":
            continue
        match event:
            case RestartScheduled(child=child, at=at, delay=delay):
                due[child] = at + delay
                if policies.get(child, OnExhausted.ESCALATE) is OnExhausted.ESCALATE:
                    decided.append(at)
                    recent = [each for each in decided if each >= at - 5.0]
                    assert len(recent) <= program.rules["intensity"]
            case ChildStarting(child=child, at=at, is_requested=False) if child in due:
                assert at >= due.pop(child)
            case ChildStarting(child=child):
                due.pop(child, None)


def check_stop(result, program):
    """In its stop a supervisor starts nobody, and stops the last one first."""
    events = [each for each in result.recorder.events if each.supervisor == "root"]
    begun = next(n for n, each in enumerate(events) if isinstance(each, SupervisorStopping))
    after = events[begun:]
    assert not [each for each in after if isinstance(each, ChildStarting)]
    stopped = [
        each.child
        for each in after
        if isinstance(each, ChildStopping) and each.cause is StopCause.SHUTDOWN
    ]
    order = ("a", "below" if program.nested else "b", "c")
    places = [order.index(child) for child in dict.fromkeys(stopped)]
    assert places == sorted(places, reverse=True)


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(programs())
def test_any_program_keeps_the_rules_and_comes_to_its_end(program):
    """Every call is answered, every life told, every delay kept; no task and no thread is left."""
    threads = set(threading.enumerate())
    result = run(program)

    assert result.is_over
    assert result.exits == []
    assert result.left_over == []
    assert len(result.answers) == sum(call[0] != "sleep" for call in program.calls)
    check_lives(result, program)
    check_restarts(result, program)
    check_stop(result, program)
    assert set(threading.enumerate()) <= threads  # one of an earlier test may have ended meanwhile


@pytest.mark.parametrize(
    "letters", ["", "s", "sr", "rsx", "sax", "srcaxx", "sxz", "srrx", "srcccx"]
)
def test_a_life_that_is_not_told_whole_is_recognised(letters):
    """The check above can fail."""
    assert not LIFE.fullmatch(letters)


def test_programs_name_only_children_that_are_there():
    """And one that is not."""
    assert CHILDREN == ("a", "b", "c")
