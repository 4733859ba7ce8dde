"""Exits and restart types (cases 14-20), and what a child's error turns into."""

import gc
import weakref

import pytest
import trio

from supervision import (
    ChildExited,
    ChildReady,
    ChildSpec,
    ChildStarting,
    Completed,
    Crashed,
    DoNotRestart,
    Escalated,
    FatalChildError,
    OnExhausted,
    Restart,
    RestartRefused,
    RestartScheduled,
    StaleNotice,
    Strategy,
    Supervisor,
    SupervisorSpec,
)
from supervision._core import initial_state, step
from supervision._core._messages import Begin, Ended, Readied
from supervision._outcome import Returned
from supervision.testing import (
    BeatsFor,
    ChildError,
    CrashesAfter,
    FinishesAfter,
    Obedient,
    Script,
    running,
)

ENDS = {
    "completed": FinishesAfter(1),
    "crashed": CrashesAfter(1),
    "stalled": BeatsFor(interval=0.2, seconds=0.5),
}


def incarnations(recorder, child="a"):
    return len(recorder.of(ChildStarting, child))


@pytest.mark.parametrize("end", ENDS)
async def test_permanent_restarts_on_every_exit(autojump_clock, build, recorder, quick, end):
    """A permanent child is started again whether it completed, crashed or stalled."""
    child = quick("a", Script(ENDS[end], Obedient()), heartbeat_timeout=None)
    if end == "stalled":
        child = quick("a", ENDS[end], heartbeat_timeout=0.5)
    async with running(build(child)):
        await trio.sleep(1.5)

    assert incarnations(recorder) == 2


@pytest.mark.parametrize(("end", "expected"), [("completed", 1), ("crashed", 2)])
async def test_transient_restarts_only_on_abnormal(
    autojump_clock, build, recorder, quick, end, expected
):
    """A transient child that completed stays down and listed; one that crashed is restarted."""
    child = quick("a", Script(ENDS[end], Obedient()), restart=Restart.TRANSIENT)
    async with running(build(child)) as root:
        await trio.sleep(2)
        assert root.tree().children[0].state == ("done" if expected == 1 else "ready")

    assert incarnations(recorder) == expected


@pytest.mark.parametrize("end", ["completed", "crashed"])
async def test_temporary_never_restarts_and_spec_is_dropped(
    autojump_clock, build, recorder, quick, end
):
    """A temporary child is gone after its end, whatever it was."""
    async with running(build(quick("a", ENDS[end], restart=Restart.TEMPORARY))) as root:
        await trio.sleep(2)
        assert root.tree().children == ()

    assert incarnations(recorder) == 1


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_temporary_bystander_is_not_restarted(
    autojump_clock, build, recorder, quick, strategy
):
    """A temporary child stopped for its sibling's sake is dropped."""
    bystander = ChildSpec("b", Obedient(), restart=Restart.TEMPORARY)
    first = quick("a", Script(CrashesAfter(1), Obedient()))
    async with running(build(first, bystander, strategy=strategy)) as root:
        await trio.sleep(2)
        assert [each.id for each in root.tree().children] == ["a"]

    assert incarnations(recorder, "b") == 1


@pytest.mark.parametrize(
    "error",
    [
        DoNotRestart("bad config"),
        ExceptionGroup("several", [ExceptionGroup("deep", [DoNotRestart("bad config")])]),
        PermissionError("named in the spec"),
    ],
    ids=["alone", "grouped", "by_spec"],
)
async def test_fatal_exit_is_not_retried(autojump_clock, build, recorder, error):
    """A fatal error escalates at once; no restart is scheduled."""
    child = ChildSpec("a", CrashesAfter(1, error), fatal=(PermissionError,))
    with pytest.raises(FatalChildError):
        await build(child).run()

    assert recorder.of(RestartScheduled) == []
    assert recorder.of(Escalated)[0].reason == "fatal"


async def test_fatal_exit_parks_for_good_where_parking_is_the_policy(
    autojump_clock, build, recorder
):
    """A fatal child that may be parked stays parked until somebody restarts it."""
    child = ChildSpec(
        "a", Script(CrashesAfter(0, DoNotRestart()), Obedient()), on_exhausted=OnExhausted.PARK
    )
    async with running(build(child)) as root:
        await trio.sleep(10_000)
        assert (root.tree().children[0].state, root.tree().children[0].deadline) == ("parked", None)
        await root.restart_child("a")
        assert root.tree().children[0].state == "ready"


async def test_crash_before_start_returns_is_not_lost(autojump_clock, build, recorder, quick):
    """A child that is ready and dies in one step is first ready, then crashed, then restarted."""
    async with running(build(quick("a", Script(CrashesAfter(0), Obedient())))):
        await trio.sleep(1)

    expected = ["child_ready a#1", "child_exited a#1", "child_ready a#2", "child_exited a#2"]
    assert recorder.trace(ChildReady, ChildExited) == expected


@pytest.mark.parametrize(
    "notice", [Readied("a", 7), Ended("a", 7, Returned()), Ended("x", 1, Returned())]
)
def test_unknown_or_stale_exit_notice_is_dropped(notice):
    """What is over can't speak, nor can what never was: the notice is counted and forgotten."""
    spec = SupervisorSpec("root", (ChildSpec("a", Obedient()),))
    before, _ = step(initial_state(spec, path="root", seed=0.5, now=0.0), Begin(), 0.0)
    after, actions = step(before, notice, 0.0)

    assert (before.stale_notices, after.stale_notices) == (0, 1)
    assert after.children == before.children
    assert [each.event.name for each in actions] == ["stale_notice"]


async def test_ready_of_a_zombie_is_dropped_and_counted(autojump_clock, build, recorder):
    """What an abandoned incarnation says reaches nobody, and is reported as stale."""

    async def late(ctx):
        with trio.CancelScope(shield=True):
            await trio.sleep(50)
        ctx.ready()

    child = ChildSpec("a", Script(late, Obedient()), lenient_start=True, grace=1)
    async with running(build(child)) as root:
        await trio.sleep(60)
        assert root.statistics().stale_notices == 1

    assert recorder.trace(StaleNotice) == ["stale_notice a#1"]
    assert recorder.trace(ChildReady) == ["child_ready a#2"]


async def test_no_event_or_state_keeps_tracebacks_alive(autojump_clock, build, recorder, quick):
    """After a crash has been handled, nothing holds on to the child's locals."""

    class Precious:
        pass

    kept = []

    async def child(ctx):
        precious = Precious()
        kept.append(weakref.ref(precious))
        ctx.ready()
        raise ChildError

    async with running(build(quick("a", Script(child, Obedient())))):
        await trio.sleep(1)
        gc.collect()
        assert kept[0]() is None

    assert isinstance(recorder.of(ChildExited)[0].outcome, Crashed)


async def test_error_with_a_broken_str_is_described_all_the_same(
    autojump_clock, build, recorder, quick
):
    """An exception whose `__str__` raises is an outcome like any other."""

    class BrokenError(Exception):
        def __str__(self):
            raise RuntimeError

    async with running(build(quick("a", Script(CrashesAfter(0, BrokenError()), Obedient())))):
        await trio.sleep(1)

    assert "its __str__ raised RuntimeError" in recorder.of(ChildExited)[0].outcome.failure.message


async def test_group_nested_a_thousand_deep_is_an_outcome_like_any_other(
    autojump_clock, build, recorder, quick
):
    """Neither the search for fatal errors nor the description runs out of stack."""
    error = ChildError("at the bottom")
    for _ in range(1000):
        error = ExceptionGroup("layer", [error])
    async with running(build(quick("a", Script(CrashesAfter(0, error), Obedient())))):
        await trio.sleep(1)

    assert str(recorder.of(ChildExited)[0].outcome.failure) == "ChildError: at the bottom"


async def test_keyboard_interrupt_in_a_child_takes_the_tree_down(autojump_clock, build, recorder):
    """What is not an Exception is nobody's outcome: it ends the whole tree."""

    async def interrupted(ctx):
        ctx.ready()
        await trio.sleep(1)
        raise KeyboardInterrupt

    with pytest.raises(BaseExceptionGroup) as caught:
        await build(ChildSpec("a", Obedient()), ChildSpec("b", interrupted)).run()

    assert caught.value.split(KeyboardInterrupt)[1] is None
    assert recorder.of(ChildExited) == []


async def test_event_sequence_of_one_crash(autojump_clock, build, recorder, quick):
    """Exited, scheduled, starting, ready: each names the incarnation it is about."""
    async with running(build(quick("a", Script(CrashesAfter(1), Obedient())))):
        await trio.sleep(2)
        trace = recorder.trace()

    assert trace == [
        "child_starting a#1",
        "child_ready a#1",
        "child_exited a#1",
        "restart_scheduled a#1",
        "child_starting a#2",
        "child_ready a#2",
    ]


async def test_sink_that_raises_changes_nothing(autojump_clock, quick, caplog):
    """The tree lives on without its sink; the log says what the sink raised."""

    class BrokenSink:
        def emit(self, event):
            raise ChildError(event.name)

    root = Supervisor("root", [quick("a", Script(CrashesAfter(1), Obedient()))], sink=BrokenSink())
    async with running(root):
        await trio.sleep(2)
        assert root.tree().children[0].incarnation == 2

    assert "the event sink raised on child_starting" in caplog.text


async def test_completed_permanent_child_is_told_apart_from_a_crash(
    autojump_clock, build, recorder, quick
):
    """A permanent child that returned is reported as completed, without an error."""
    async with running(build(quick("a", Script(FinishesAfter(1), Obedient())))):
        await trio.sleep(2)

    exited = recorder.of(ChildExited)[0]
    assert (exited.outcome, exited.ran_for, exited.restart) == (Completed(), 1.0, Restart.PERMANENT)
    assert recorder.of(RestartRefused) == []
