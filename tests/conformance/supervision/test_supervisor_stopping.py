"""Stopping: the ladder, zombies, cancellation, the last resort (cases 44-53)."""

import pytest
import trio

from supervision import (
    EXIT_CODE,
    ChildAbandoned,
    ChildExited,
    ChildSpec,
    ChildStarting,
    ChildStopping,
    CleanupFailed,
    Restart,
    RestartScheduled,
    ShutdownOverrun,
    StopCause,
    Stopped,
    Strategy,
    Supervisor,
    SupervisorStopped,
    ZombieBlocksRestart,
    ZombieEnded,
)
from supervision.testing import (
    ChildError,
    CleansUpFor,
    CrashesAfter,
    FinishesAfter,
    NeverReady,
    Obedient,
    Script,
    Stubborn,
    SwallowsCancel,
    running,
)

SHUTDOWN = StopCause.SHUTDOWN


@pytest.fixture
def exits():
    """Return the list of statuses that a builder's `exit_function=exits.append` was called with."""
    return []


async def test_asked_child_may_drain(autojump_clock, build, recorder):
    """With a drain the child is asked first, and one that listens is never cancelled."""
    async with running(build(ChildSpec("a", Obedient(), drain=5))):
        pass

    assert [each.stage for each in recorder.of(ChildStopping)] == ["ask"]
    assert recorder.of(ChildExited)[0].outcome == Stopped(SHUTDOWN)


async def test_child_that_does_not_listen_is_cancelled_after_its_drain(
    autojump_clock, build, recorder
):
    """When the drain is over the cancel follows, and then the grace."""
    async with running(build(ChildSpec("a", CleansUpFor(2), drain=3))):
        pass

    assert [(each.stage, each.at) for each in recorder.of(ChildStopping)] == [
        ("ask", 0.0),
        ("cancel", 3.0),
    ]
    assert recorder.of(ChildExited)[0].at == 5.0


async def test_graceful_child_gets_its_grace(autojump_clock, build, recorder):
    """A clean-up of 4 s within 5 s of grace ends as stopped, without an error."""
    async with running(build(ChildSpec("a", CleansUpFor(4)))):
        pass

    assert recorder.of(ChildExited)[0].outcome == Stopped(SHUTDOWN)
    assert recorder.of(ChildAbandoned) == []


async def test_overrunning_child_is_cancelled_then_abandoned(autojump_clock, build, recorder):
    """A child that won't die is given up after its grace; its siblings still stop in order."""
    names = ("a", "b")
    stubborn = ChildSpec("z", Stubborn(25))
    async with running(build(*(ChildSpec(name, Obedient()) for name in names), stubborn)):
        pass

    assert [each.at for each in recorder.of(ChildAbandoned)] == [5.0]
    assert [each.child for each in recorder.of(ChildExited)] == ["z", "b", "a"]
    assert recorder.of(SupervisorStopped)[0].at < 6


async def test_zero_grace_is_immediate(autojump_clock, build, recorder):
    """Without grace a child is given up as soon as it has had a chance to see its cancel."""
    async with running(build(ChildSpec("a", CleansUpFor(4), grace=0), ChildSpec("b", Obedient()))):
        pass

    assert recorder.of(SupervisorStopped)[0].at < 0.2
    assert [each.child for each in recorder.of(ChildAbandoned)] == ["a"]


async def test_error_in_cleanup_is_reported_not_restarted(autojump_clock, build, recorder):
    """What a clean-up raises is an event of its own; the supervisor stops as ever."""
    async with running(build(ChildSpec("a", CleansUpFor(1, ChildError("cleaning"))))):
        pass

    assert recorder.of(CleanupFailed)[0].failure.message == "cleaning"
    assert recorder.of(RestartScheduled) == []


async def test_child_that_swallows_cancel_is_stopped_not_completed(autojump_clock, build, recorder):
    """Whether a child was asked is known from the asking, never from its scope."""
    async with running(build(ChildSpec("a", SwallowsCancel()))):
        pass

    assert recorder.of(ChildExited)[0].outcome == Stopped(SHUTDOWN)


@pytest.mark.parametrize("restart", list(Restart))
@pytest.mark.parametrize(
    "child",
    [FinishesAfter(1), CrashesAfter(1), Obedient(), NeverReady()],
    ids=lambda c: type(c).__name__,
)
async def test_children_exiting_by_themselves_during_stop(
    autojump_clock, build, recorder, restart, child
):
    """A child that ends for whatever reason while others stop is collected, never restarted."""
    blocker = ChildSpec("blocker", CleansUpFor(3))
    root = build(ChildSpec("a", child, restart=restart), blocker)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(root.run)
        await trio.sleep(0.5)
        root.stop()

    assert recorder.of(RestartScheduled) == []
    assert len(recorder.of(ChildExited, "a")) == 1


async def test_cancelling_the_outer_scope_runs_the_ladder(autojump_clock, build, recorder):
    """A cancel from outside stops the children in order, and only then goes through."""
    root = build(*(ChildSpec(name, CleansUpFor(1)) for name in "abc"))
    with trio.move_on_after(2) as scope:
        await root.run()

    assert scope.cancelled_caught
    assert [(e.child, e.at) for e in recorder.of(ChildExited)] == [
        ("c", 3.0),
        ("b", 4.0),
        ("a", 5.0),
    ]
    assert {each.outcome for each in recorder.of(ChildExited)} == {Stopped(SHUTDOWN)}


async def test_zombie_of_exclusive_child_blocks_replacement(autojump_clock, build, recorder):
    """While a stalled exclusive child won't die, no second one is started: escalate (D13)."""
    child = ChildSpec("a", Stubborn(20), exclusive=True, heartbeat_timeout=1, grace=2)
    with pytest.raises(ZombieBlocksRestart):
        await build(child).run()

    assert len(recorder.of(ChildStarting)) == 1


async def test_zombie_of_exclusive_bystander_blocks_its_group(
    autojump_clock, build, recorder, quick
):
    """The same where the zombie was stopped for its sibling's sake."""
    root = build(
        quick("a", Script(CrashesAfter(1), Obedient())),
        ChildSpec("b", Stubborn(20), exclusive=True),
        strategy=Strategy.ONE_FOR_ALL,
    )
    with pytest.raises(ZombieBlocksRestart):
        await root.run()

    assert len(recorder.of(ChildStarting, "b")) == 1


async def test_zombie_of_shareable_child_is_replaced(autojump_clock, build, recorder):
    """A child that shares what it uses is replaced beside its zombie, whose end is reported."""
    child = ChildSpec("a", Script(Stubborn(20), Obedient()), heartbeat_timeout=8, grace=2)
    async with running(build(child)) as root:
        await trio.sleep(12)
        (shown,) = root.tree().children
        assert (shown.state, shown.incarnation, shown.zombies) == ("ready", 2, 1)
        await trio.sleep(8.5)
        root.stop()
        await root.wait_stopped()

    assert recorder.trace(ZombieEnded) == ["zombie_ended a#1"]


async def test_too_many_zombies_end_the_process(autojump_clock, build, exits, capsys):
    """More abandoned children than allowed, and the process is not worth keeping."""
    child = ChildSpec("a", Stubborn(100), heartbeat_timeout=1, grace=1)
    root = build(child, max_zombies=1, intensity=1, exit_function=exits.append, hard_exit_after=500)
    with pytest.raises(Exception, match="gave up on a"):
        await root.run()

    assert exits == [EXIT_CODE]
    assert "2 zombies" in capsys.readouterr().err


async def test_urgent_stop_skips_drain_and_grace(autojump_clock, build, recorder):
    """The second, urgent stop cuts short what the first one grants, for all children."""
    slow = [ChildSpec(name, CleansUpFor(10), drain=20, grace=20) for name in "ab"]
    async with running(build(*slow)) as root:
        root.stop()
        await trio.sleep(1)
        root.stop(urgent=True)

    assert recorder.of(SupervisorStopped)[0].at == pytest.approx(1.2)


async def test_urgent_stop_reaches_nested_supervisors(autojump_clock, build, recorder):
    """It goes down the tree: a nested supervisor hurries its own children."""
    leaf = ChildSpec("leaf", CleansUpFor(10), drain=20, grace=20)
    async with running(build(Supervisor("below", [leaf]))) as root:
        root.stop()
        await trio.sleep(1)
        root.stop(urgent=True)

    assert recorder.of(ChildAbandoned, "leaf")[0].at == pytest.approx(1.1)
    assert recorder.of(ChildAbandoned, "below") == []


async def test_nested_children_stop_before_their_elders(autojump_clock, build, recorder):
    """Stopping goes depth first and last first; a supervisor waits for all below it."""
    below = Supervisor("below", [ChildSpec("x", CleansUpFor(3)), ChildSpec("y", CleansUpFor(3))])
    async with running(build(ChildSpec("a", Obedient()), below)):
        pass

    assert [each.child for each in recorder.of(ChildExited)] == ["y", "x", "below", "a"]
    assert recorder.of(ChildAbandoned) == []


async def test_overrun_of_the_root_ends_the_process(autojump_clock, build, recorder, exits, capsys):
    """A stop longer than hard_exit_after dumps every task's stack and exits non-zero."""
    root = build(ChildSpec("a", Stubborn(60)), exit_function=exits.append, hard_exit_after=30.0)
    async with running(root):
        pass
    said = capsys.readouterr().err

    assert exits == [EXIT_CODE]
    assert recorder.of(ShutdownOverrun)[0].running == ("root/a#1",)
    assert "hard exit: root was not stopped after 30 s" in said
    assert "task root/a#1" in said
    assert "in __call__" in said


async def test_zombie_that_outlives_its_nested_supervisor_for_long_ends_the_process(
    autojump_clock, build, exits
):
    """It can't be replaced by anything that works, and holds up all that comes after it."""
    below = Supervisor("below", [ChildSpec("a", Stubborn(100), grace=1)], hard_exit_after=20)
    async with running(build(below, exit_function=exits.append)) as root:
        with trio.move_on_after(25):
            await root.terminate_child("below")
        assert exits == [EXIT_CODE]


async def test_overrun_is_watched_under_a_cancel_from_outside(autojump_clock, build, exits):
    """The limit holds for a stop that a cancel began, too."""
    root = build(ChildSpec("a", Stubborn(60)), exit_function=exits.append, hard_exit_after=10)
    with trio.move_on_after(1):
        await root.run()

    assert exits == [EXIT_CODE]


async def test_stop_in_time_leaves_the_process_alone(autojump_clock, build, exits):
    """An ordinary stop calls no exit."""
    async with running(build(ChildSpec("a", CleansUpFor(4)), exit_function=exits.append)):
        pass
    await trio.sleep(100)

    assert exits == []


async def test_supervisor_can_run_again(autojump_clock, build, recorder):
    """One object, two runs: the second starts from scratch."""
    root = build(ChildSpec("a", Obedient()))
    for _ in range(2):
        async with running(root):
            pass

    assert recorder.trace(ChildStarting) == ["child_starting a#1"] * 2
