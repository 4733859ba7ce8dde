"""Faults at every possible moment: the n-th checkpoint, for all n, until there is none left."""

import itertools
from collections import Counter
from contextlib import suppress

import pytest
import trio

from supervision import (
    AlreadyReady,
    Backoff,
    ChildExited,
    ChildSpec,
    ChildStarting,
    Crashed,
    OnExhausted,
    RequestRefused,
    Restart,
    Strategy,
    Supervisor,
)
from supervision._core._messages import Readied
from supervision.testing import (
    ChildError,
    CleansUpFor,
    EventRecorder,
    Obedient,
    Script,
    running,
)
from tests.conformance.supervision.faults import CancelsAtStep, with_fault_at

MOMENTS = 200  # more than any sweep below has


def counts_of(recorder, kind):
    return Counter((each.child, each.incarnation) for each in recorder.of(kind))


async def busy(ctx):
    """A child with several moments: two before it is ready, some at work, one of clean-up."""
    await trio.sleep(0.1)
    await trio.lowlevel.checkpoint()
    ctx.ready()
    try:
        while await ctx.sleep(0.2) and trio.current_time() < 1:
            ctx.beat()
        await ctx.stopping.wait()
    finally:
        with trio.move_on_after(1, shield=True):
            await trio.sleep(0.1)


@pytest.mark.parametrize("strategy", Strategy)
async def test_fault_at_any_checkpoint_of_a_child_is_healed(autojump_clock, quick, strategy):
    """Wherever a lenient child breaks, all are at work a moment later, and none is there twice."""
    for moment in range(1, MOMENTS):
        faults = []

        def fault(faults=faults):
            faults.append(ChildError("at that very moment"))
            return faults[0]

        async def first(ctx, moment=moment, fault=fault):
            await with_fault_at(moment, busy(ctx), fault)

        broken = quick("b", Script(first, busy), lenient_start=True)
        siblings = [ChildSpec(name, Obedient(), drain=1) for name in "ac"]
        root = Supervisor("root", [siblings[0], broken, siblings[1]], strategy=strategy)
        async with running(root):
            await trio.sleep(5)
            shown = [each.state for each in root.tree().children]
            stopped_by_fault = bool(faults)
            restarts = root.statistics().restarts
        assert shown == ["ready"] * 3
        assert restarts == stopped_by_fault
        if not faults:
            break
    assert moment > 6


async def test_cancel_at_any_step_of_the_supervisor_leaves_no_child_behind(autojump_clock, quick):
    """However early or late the outer cancel comes, each child that started is seen ending."""
    for step in range(1, MOMENTS):
        recorder = EventRecorder()
        crashing = Script(CleansUpFor(1), Obedient())
        below = Supervisor("below", [quick("leaf", crashing, restart=Restart.TEMPORARY)])
        children = [ChildSpec("a", CleansUpFor(1)), below, quick("b", Script(CleansUpFor(1)))]
        root = Supervisor("root", children, sink=recorder)
        with trio.CancelScope() as scope:
            canceller = CancelsAtStep("the supervisor", step, scope)
            trio.lowlevel.add_instrument(canceller)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(root.run, name="the supervisor")
                await trio.sleep(5)
                root.stop()
        trio.lowlevel.remove_instrument(canceller)

        assert counts_of(recorder, ChildStarting) == counts_of(recorder, ChildExited)
        assert root.tree().state == "stopped"
        if not canceller.has_cancelled:
            break
    assert step > 6


class RaisesAt(EventRecorder):
    """A sink that raises at its event number *moment*, after it has noted it."""

    def __init__(self, moment):
        super().__init__()
        self._moment = moment

    def emit(self, event):
        super().emit(event)
        if len(self.events) == self._moment:
            raise OSError("disk full")


async def test_sink_that_raises_at_any_event_changes_nothing(autojump_clock, quick, caplog):
    """What is done is the same as if it had not."""

    async def trace_of(sink):
        child = quick("a", Script(busy, busy))
        async with running(Supervisor("root", [child, ChildSpec("b", CleansUpFor(1))], sink=sink)):
            await trio.sleep(1)
        return sink.trace()

    expected = await trace_of(RaisesAt(0))
    for moment in range(1, len(expected) + 4):
        assert await trace_of(RaisesAt(moment)) == expected
    assert len(caplog.records) == len(expected) + 3  # those of the supervisor itself among them


async def call_all(root):
    """Make each call once, and take what it answers."""
    for call, argument in (
        (root.terminate_child, "a"),
        (root.restart_child, "a"),
        (root.pause_child, "a"),
        (root.start_child, ChildSpec("b", Obedient(start_for=1))),
        (root.terminate_child, "b"),
        (root.delete_child, "b"),
    ):
        await call(argument)


async def test_caller_cancelled_at_any_checkpoint_leaves_nothing_behind(autojump_clock):
    """The supervisor goes on, keeps no record of who waited, and answers the next one."""
    for moment in range(1, MOMENTS):
        root = Supervisor("root", [ChildSpec("a", CleansUpFor(1))])
        async with running(root):
            with trio.CancelScope() as scope:
                await with_fault_at(moment, call_all(root), scope.cancel)
            await trio.sleep(10)
            assert root._life._waiting == {}
            assert root.statistics().waiting_inputs == 0
            await root.terminate_child("a")
        if not scope.cancelled_caught:
            break
    assert moment > 5


async def test_error_in_the_supervisors_caller_stops_the_tree(autojump_clock, build, recorder):
    """When the nursery around the root fails, the children are stopped in order all the same."""
    with pytest.RaisesGroup(ChildError):
        async with running(build(ChildSpec("a", CleansUpFor(1)), ChildSpec("b", CleansUpFor(1)))):
            raise ChildError

    assert [(e.child, e.at) for e in recorder.of(ChildExited)] == [("b", 1.0), ("a", 2.0)]


async def test_ten_thousand_notices_in_one_tick_are_dealt_with(autojump_clock, build, recorder):
    """A flood of notices from the past is dropped, and the living are seen through it."""
    async with running(build(ChildSpec("a", Obedient()))) as root:
        for number in range(10_000):
            root._life.post(Readied("a", 2 + number))
        await root.terminate_child("a")
        assert root.statistics().stale_notices == 10_000
        assert root.tree().children[0].state == "stopped"


@pytest.mark.parametrize("error", [MemoryError(), RecursionError(), StopAsyncIteration()])
async def test_errors_of_the_interpreter_are_a_childs_own(
    autojump_clock, build, recorder, quick, error
):
    """A child that runs out of something has crashed, no more."""

    async def child(ctx):
        ctx.ready()
        await trio.lowlevel.checkpoint()
        raise error

    async with running(build(quick("a", Script(child, Obedient())))):
        await trio.sleep(1)

    outcome = recorder.of(ChildExited)[0].outcome
    assert isinstance(outcome, Crashed)
    assert outcome.failure.kind == type(error).__name__


async def test_child_that_says_twice_that_it_is_ready_has_crashed(
    autojump_clock, build, recorder, quick
):
    """The second word raises in the child itself, where the mistake is."""

    async def twice(ctx):
        ctx.started()
        ctx.started()

    async with running(build(quick("a", Script(twice, Obedient())))):
        await trio.sleep(1)

    assert recorder.of(ChildExited)[0].outcome.failure.kind == AlreadyReady.__name__


async def test_task_beside_a_ready_child_that_fails_is_the_childs_crash(
    autojump_clock, build, recorder, quick
):
    """What a child has started in a nursery of its own ends with it, and it with them."""

    async def child(ctx):
        async with trio.open_nursery() as nursery:
            await nursery.start(open_past_started)
            ctx.ready()
            await ctx.stopping.wait()

    async def open_past_started(*, task_status):
        task_status.started()
        await trio.sleep(0.5)
        raise ChildError("beside")

    async with running(build(quick("a", Script(child, Obedient())))) as root:
        await trio.sleep(1)
        assert root.tree().children[0].incarnation == 2

    assert recorder.of(ChildExited)[0].outcome.failure.message == "beside"


async def test_calls_beside_a_crash_loop_are_all_answered(autojump_clock, build):
    """Hundreds of calls into a child that never stands still: each has its answer."""
    crashing = Script(*[busy] * 3, Obedient())
    child = ChildSpec("a", crashing, backoff=Backoff.none(), on_exhausted=OnExhausted.NEVER)
    answered = itertools.count()
    async with running(build(child)) as root, trio.open_nursery() as nursery:

        async def ask(call):
            with trio.fail_after(60):
                with suppress(RequestRefused):  # an answer, too
                    await call("a")
            next(answered)

        for _ in range(100):
            nursery.start_soon(ask, root.terminate_child)
            nursery.start_soon(ask, root.restart_child)

    assert next(answered) == 200
