"""The loop monitor: who held up the loop, and that nobody else pays for it (case 61).

The one place with a real thread and real time: the loop is blocked for real, until the monitor has
seen it or for some tens of milliseconds. What is judged is who was named; that a busy machine makes
stalls of its own must not matter.
"""

import signal
import threading
import time

import pytest
import trio

from supervision import (
    EXIT_CODE,
    ChildReady,
    ChildSpec,
    ChildStalled,
    LoopMonitor,
    LoopMonitorInUse,
    LoopStalled,
    SpecError,
    Supervisor,
)
from supervision.testing import EventRecorder, Obedient, running

LIMIT = 0.02
FAR = 600.0
"""A limit that no machine reaches."""


class Blocks:
    """Is ready, and *after* a while works for longer than LIMIT without letting anybody else."""

    def __init__(self, work, after=1.0):
        self._work = work
        self._after = after

    async def __call__(self, ctx):
        """Block the loop once."""
        ctx.ready()
        await trio.sleep(self._after)
        self._work()
        await ctx.stopping.wait()


def block():
    """Hold up the loop for as long as a stall takes."""
    time.sleep(2 * LIMIT)


def block_until(is_seen):
    """Hold up the loop until something is seen from outside of it."""
    give_up_at = time.monotonic() + 30
    while not is_seen():
        assert time.monotonic() < give_up_at, "never seen"
        time.sleep(LIMIT / 10)


def told_of(recorder, task):
    """Return what was told of stalls by *task*."""
    return [each for each in recorder.of(LoopStalled) if each.task == task]


def monitor_threads():
    return [each for each in threading.enumerate() if each.name.startswith("loop monitor")]


async def test_loop_stall_is_reported_with_the_guilty_task(autojump_clock, build, recorder):
    """The event names the task that blocked, and shows where, from the task's own frames on."""
    monitor = LoopMonitor(LIMIT)

    def too_much_work():
        block_until(lambda: "too_much_work" in monitor._watch._taken[1])

    children = ChildSpec("good", Obedient()), ChildSpec("bad", Blocks(too_much_work))
    async with running(build(*children, loop_monitor=monitor)):
        await trio.sleep(2)

    (stall,) = told_of(recorder, "root/bad#1")
    assert (stall.supervisor, stall.at) == ("root", 1.0)
    assert stall.late_by > LIMIT
    assert "in too_much_work" in stall.stack
    assert "unrolled_run" not in stall.stack


async def test_statistics_name_the_last_one_and_the_longest(autojump_clock, build, recorder):
    """What the events told, added up."""
    monitor = LoopMonitor(LIMIT)
    async with running(build(ChildSpec("bad", Blocks(block)), loop_monitor=monitor)):
        await trio.sleep(2)

    told = recorder.of(LoopStalled)
    statistics = monitor.statistics()
    assert statistics.stalls == len(told) >= 1
    assert statistics.last_guilty == told[-1].task
    assert statistics.longest_stall == max(each.late_by for each in told)


async def test_stall_is_told_on_the_loops_own_thread(autojump_clock, build):
    """A sink is never called from the monitor's thread, and may use trio."""

    class Sink(EventRecorder):
        def emit(self, event):
            assert trio.lowlevel.in_trio_run()
            super().emit(event)

    sink = Sink()
    root = Supervisor(
        "root", [ChildSpec("bad", Blocks(block))], sink=sink, loop_monitor=LoopMonitor(LIMIT)
    )
    async with running(root):
        await trio.sleep(2)

    assert len(told_of(sink, "root/bad#1")) == 1


async def test_one_stall_is_told_once(autojump_clock, build, recorder):
    """A supervisor whose deadlines passed meanwhile adds nothing to what the monitor has told."""

    def lose_a_minute():
        autojump_clock.jump(60)
        block()

    late = ChildSpec("late", Obedient(start_for=3), start_timeout=10)
    bad = ChildSpec("bad", Blocks(lose_a_minute))
    root = build(bad, late, loop_monitor=LoopMonitor(LIMIT))
    async with running(root):
        await trio.sleep(80)

    assert len(told_of(recorder, "root/bad#1")) == 1
    assert told_of(recorder, None) == []
    assert [each.child for each in recorder.of(ChildReady)] == ["bad", "late"]


@pytest.mark.parametrize("is_nested", [False, True])
async def test_heartbeats_missed_in_a_stall_are_forgiven(
    autojump_clock, build, recorder, is_nested
):
    """Who would have beaten meanwhile is left alone, though its tick was hardly late."""

    async def works_in_two_parts(ctx):
        ctx.ready()
        while True:
            ctx.beat()
            await trio.sleep(0.7)
            await trio.sleep(0.7)

    def lose_a_second():
        autojump_clock.jump(1.0)
        block()

    child = ChildSpec("good", works_in_two_parts, heartbeat_timeout=1.5)
    good = Supervisor("below", [child]) if is_nested else child
    bad = ChildSpec("bad", Blocks(lose_a_second, after=0.6))
    async with running(build(good, bad, loop_monitor=LoopMonitor(LIMIT))):
        await trio.sleep(20)

    assert told_of(recorder, None) == []
    assert recorder.of(ChildStalled) == []


async def test_forgiveness_is_for_one_period(autojump_clock, build, recorder):
    """Who stays silent after the stall is found one timeout later."""

    def lose_a_second():
        autojump_clock.jump(1.0)
        block()

    silent = ChildSpec("silent", Obedient(), heartbeat_timeout=1.5)
    bad = ChildSpec("bad", Blocks(lose_a_second, after=0.6))
    async with running(build(silent, bad, loop_monitor=LoopMonitor(LIMIT))):
        await trio.sleep(20)

    assert recorder.of(ChildStalled)[0].at >= 1.6 + 1.5


async def test_beyond_the_hard_limit_the_process_ends(autojump_clock, build, capsys):
    """The thread writes all stacks while the loop is still held up, and exits, once."""
    exits = []
    bad = ChildSpec("bad", Blocks(lambda: block_until(lambda: exits)))
    monitor = LoopMonitor(LIMIT, hard_limit=5 * LIMIT)
    async with running(build(bad, loop_monitor=monitor, exit_function=exits.append)):
        await trio.sleep(2)
    said = capsys.readouterr().err

    assert exits == [EXIT_CODE]
    assert "hard exit: root/bad#1 held up the event loop for more than 0.1 s" in said
    assert "thread MainThread" in said
    assert "in block_until" in said
    assert "task root/bad#1" in said


async def test_steps_of_ordinary_length_are_not_told(autojump_clock, build, recorder):
    """However many there are, and however long the tree runs."""
    monitor = LoopMonitor(FAR)
    async with running(build(ChildSpec("a", Obedient()), loop_monitor=monitor)):
        await trio.sleep(1000)

    assert recorder.of(LoopStalled) == []
    assert monitor.statistics().stalls == 0


async def test_starvation_shows_as_lag(autojump_clock, build):
    """Many short steps in one pass hold up everybody, though no single one is a stall."""
    monitor = LoopMonitor(FAR)

    async def crowd(ctx):
        ctx.ready()
        async with trio.open_nursery() as nursery:
            for _ in range(40):
                nursery.start_soon(trio.lowlevel.checkpoint)
                nursery.start_soon(short_step)
        await ctx.stopping.wait()

    async def short_step():
        time.sleep(0.001)  # noqa: ASYNC251 - what the monitor is there for
        await trio.lowlevel.checkpoint()

    async with running(build(ChildSpec("crowd", crowd), loop_monitor=monitor)):
        await trio.sleep(1)
        statistics = monitor.statistics()

    assert statistics.lag_max >= 0.04
    assert statistics.lag <= statistics.lag_max
    assert statistics.lag_p99 <= statistics.lag_max
    assert statistics.stalls == 0


async def test_step_that_ends_the_tree_is_told_too(autojump_clock, build, recorder):
    """The last step of all is not forgotten because the run ends in it."""

    class SlowAtTheEnd(EventRecorder):
        def emit(self, event):
            super().emit(event)
            if event.name == "supervisor_stopped":
                block()

    sink = SlowAtTheEnd()
    root = Supervisor("root", sink=sink, loop_monitor=LoopMonitor(LIMIT))
    async with running(root):
        pass

    assert isinstance(sink.events[-1], LoopStalled)


async def test_no_thread_is_left_behind(autojump_clock, build):
    """Each run has one thread, which ends with it; one monitor serves one run after another."""
    monitor = LoopMonitor(FAR)
    root = build(ChildSpec("a", Obedient()), loop_monitor=monitor)
    for _ in range(3):
        async with running(root):
            assert len(monitor_threads()) == 1

    assert monitor_threads() == []


async def test_no_thread_is_left_behind_by_a_cancel(autojump_clock, build):
    """A cancelled run takes its thread along."""
    root = build(ChildSpec("a", Obedient()), loop_monitor=LoopMonitor(FAR))
    with trio.move_on_after(1):
        await root.run()

    assert monitor_threads() == []


async def test_a_monitor_watches_one_tree_at_a_time(autojump_clock, build):
    """A second tree with the same one is refused; with one of its own it is welcome."""
    monitor = LoopMonitor(FAR)
    async with running(build(loop_monitor=monitor)):
        with pytest.raises(LoopMonitorInUse):
            await build(loop_monitor=monitor).run()
        async with running(build(loop_monitor=LoopMonitor(FAR))):
            assert len(monitor_threads()) == 2


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": float("nan")}, "limit"),
        ({"hard_limit": 1}, "hard_limit"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits, field):
    """A hard limit at or below the soft one would never let anything be told."""
    with pytest.raises(SpecError, match=field):
        LoopMonitor(**limits)


class Unnameable:
    """What a task may be called by somebody who means no good."""

    def __str__(self):
        raise ValueError("no name")


async def rename():
    trio.lowlevel.current_task().name = Unnameable()
    block()
    await trio.lowlevel.checkpoint()


async def block_and_end():
    block()


async def interrupt():
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


async def crash():
    block()
    raise KeyboardInterrupt


@pytest.mark.parametrize("odd", [rename, block_and_end, interrupt, crash])
async def test_odd_tasks_do_not_blind_it(autojump_clock, build, recorder, odd):
    """Trio drops an instrument that raises: this one does not, and sees what comes after."""
    monitor = LoopMonitor(LIMIT)
    async with running(build(loop_monitor=monitor)):
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(odd)
        except* KeyboardInterrupt:
            assert odd is crash
        async with trio.open_nursery() as nursery:
            nursery.start_soon(block_and_end, name="the next one")

    assert len(told_of(recorder, "the next one")) == 1


async def test_a_raising_sink_does_not_blind_it(autojump_clock, build):
    """What the sink raises is logged, and the next stall is seen."""

    class Raises:
        def emit(self, event):  # noqa: ARG002 - the signature of a sink
            raise OSError("disk full")

    monitor = LoopMonitor(LIMIT)
    children = [ChildSpec(name, Blocks(block, after)) for name, after in [("a", 1), ("b", 2)]]
    async with running(Supervisor("root", children, sink=Raises(), loop_monitor=monitor)):
        await trio.sleep(3)

    assert monitor.statistics().stalls >= 2
