"""Strategies: who is stopped and started with a failed child, in which order (cases 21-28)."""

import pytest
import trio

from supervision import (
    ChildExited,
    ChildSpec,
    ChildStarting,
    ChildStopping,
    GroupRestart,
    Restart,
    RestartScheduled,
    Strategy,
)
from supervision.testing import (
    CleansUpFor,
    CrashesAfter,
    FailsToStart,
    FinishesAfter,
    Obedient,
    Script,
    running,
)


def numbers(root):
    return {each.id: each.incarnation for each in root.tree().children}


@pytest.fixture
def three(build, quick):
    """Return a builder of a, b, c with *acts* for b, by strategy."""

    def make(strategy, *acts, **rules):
        others = [ChildSpec(name, Obedient(), drain=1) for name in "ac"]
        middle = quick("b", Script(*acts, Obedient()))
        return build(others[0], middle, others[1], strategy=strategy, **rules)

    return make


async def test_one_for_one_touches_only_the_failed_child(autojump_clock, three, recorder):
    """Its siblings on both sides run on, and were never even asked."""
    async with running(three(Strategy.ONE_FOR_ONE, CrashesAfter(1))) as root:
        await trio.sleep(2)
        assert numbers(root) == {"a": 1, "b": 2, "c": 1}
        assert recorder.of(ChildStopping) == []


async def test_rest_for_one_touches_only_later_children(autojump_clock, three, recorder):
    """The one declared before the failed child runs on, and was never even asked."""
    async with running(three(Strategy.REST_FOR_ONE, CrashesAfter(1))) as root:
        await trio.sleep(2)
        assert numbers(root) == {"a": 1, "b": 2, "c": 2}
        assert {each.child for each in recorder.of(ChildStopping)} == {"c"}


async def test_one_for_all_touches_every_child(autojump_clock, three):
    """All of them are new after one has failed."""
    async with running(three(Strategy.ONE_FOR_ALL, CrashesAfter(1))) as root:
        await trio.sleep(2)
        assert numbers(root) == {"a": 2, "b": 2, "c": 2}


async def test_one_for_all_stops_reverse_then_starts_forward(autojump_clock, three, recorder):
    """The survivors stop last first; then, after the offender's delay, all start in order."""
    async with running(three(Strategy.ONE_FOR_ALL, CrashesAfter(1))):
        await trio.sleep(2)
        trace = recorder.trace(ChildExited, ChildStarting)[3:]

    assert trace[:3] == ["child_exited b#1", "child_exited c#1", "child_exited a#1"]
    assert trace[3:] == ["child_starting a#2", "child_starting b#2", "child_starting c#2"]


async def test_one_for_all_retry_starts_over_when_a_sibling_fails(autojump_clock, three, recorder):
    """When b fails to start again, a is stopped once more and both are retried."""
    async with running(three(Strategy.ONE_FOR_ALL, CrashesAfter(1), FailsToStart())) as root:
        await trio.sleep(2)
        assert numbers(root) == {"a": 3, "b": 3, "c": 2}


async def test_rest_for_one_retry_keeps_already_restarted_siblings(autojump_clock, build, quick):
    """When b fails to start again after a's crash, the restarted a keeps its incarnation."""
    first = quick("a", Script(CrashesAfter(1), Obedient()))
    second = quick("b", Script(Obedient(), FailsToStart(), Obedient()))
    root = build(first, second, ChildSpec("c", Obedient()), strategy=Strategy.REST_FOR_ONE)
    async with running(root):
        await trio.sleep(2)
        assert numbers(root) == {"a": 2, "b": 3, "c": 2}


async def test_group_restart_leaves_finished_and_operator_stopped_children_alone(
    autojump_clock, build, quick
):
    """Only siblings that ran when the group restart began are started again (D9)."""
    root = build(
        quick("a", Script(CrashesAfter(2), Obedient())),
        ChildSpec("finished", FinishesAfter(1), restart=Restart.TRANSIENT),
        ChildSpec("stopped", Obedient()),
        strategy=Strategy.ONE_FOR_ALL,
    )
    async with running(root):
        await root.terminate_child("stopped")
        await trio.sleep(3)
        assert numbers(root) == {"a": 2, "finished": 1, "stopped": 1}


async def test_two_children_crash_in_the_same_tick(autojump_clock, build, recorder, quick):
    """Simultaneous crashes under one_for_all make one group restart, counted once."""
    pair = [quick(name, Script(CrashesAfter(1), Obedient())) for name in "ab"]
    async with running(build(*pair, strategy=Strategy.ONE_FOR_ALL)) as root:
        await trio.sleep(2)
        assert numbers(root) == {"a": 2, "b": 2}

    assert len(recorder.of(RestartScheduled)) == 1
    assert recorder.of(GroupRestart)[0].ids == ("a", "b")


async def test_child_crashing_while_its_group_is_being_stopped_is_not_restarted_twice(
    autojump_clock, build, recorder, quick
):
    """A member that dies by itself before its turn to be stopped is just collected."""
    root = build(
        quick("a", Script(CrashesAfter(1), Obedient())),
        quick("b", Script(CrashesAfter(2), Obedient())),
        ChildSpec("c", CleansUpFor(3)),
        strategy=Strategy.ONE_FOR_ALL,
    )
    async with running(root):
        await trio.sleep(5)
        assert numbers(root) == {"a": 2, "b": 2, "c": 2}

    assert len(recorder.of(RestartScheduled)) == 1


async def test_group_waits_for_the_offenders_delay_after_its_stop(
    autojump_clock, build, recorder, quick
):
    """The group stops at once, and the API is served while it waits to start (D10)."""
    root = build(
        quick("a", Script(CrashesAfter(1), Obedient())),
        ChildSpec("b", CleansUpFor(2)),
        strategy=Strategy.REST_FOR_ONE,
    )
    async with running(root):
        await trio.sleep(2)
        states = [each.state for each in root.tree().children]
        assert states == ["waiting", "stopping"]
        await trio.sleep(1.5)

    assert [each.at for each in recorder.of(ChildStarting)][2:] == [3.0, 3.0]


async def test_crash_during_the_first_start_takes_the_later_ones_along(
    autojump_clock, build, quick
):
    """Under rest_for_one a crash of a while b starts restarts both; c starts for the first time."""
    root = build(
        quick("a", Script(CrashesAfter(1), Obedient())),
        quick("b", Script(Obedient(start_for=2), Obedient())),
        ChildSpec("c", Obedient()),
        strategy=Strategy.REST_FOR_ONE,
    )
    async with running(root):
        assert numbers(root) == {"a": 2, "b": 2, "c": 1}
