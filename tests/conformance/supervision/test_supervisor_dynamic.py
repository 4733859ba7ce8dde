"""Dynamic children: one template, no order, and as many as there are (cases 29 and 30)."""

import sys
from collections import Counter
from contextlib import contextmanager
from functools import partial

import pytest
import trio
import trio.testing

from supervision import (
    Backoff,
    ChildrenStopped,
    ChildSpec,
    ChildStartFailed,
    DynamicSupervisor,
    IntensityExceeded,
    OnExhausted,
    Restart,
    Supervisor,
)
from supervision.testing import (
    ChildError,
    CleansUpFor,
    CrashesAfter,
    EventRecorder,
    FailsToStart,
    FinishesAfter,
    Obedient,
    Script,
    running,
)


@pytest.fixture
def pool(build):
    """Return a builder of dynamic supervisors, each under a root of its own."""

    def make(*, rules=None, **policy):
        template = ChildSpec("job", Obedient(), **policy)
        below = DynamicSupervisor("pool", template, **(rules or {}))
        return below, build(below, intensity=0)

    return make


async def test_dynamic_children_share_one_template_and_stop_concurrently(
    autojump_clock, pool, recorder
):
    """Three with 1, 1 and 5 s of clean-up and 2 s of grace are gone in 2 s; one event sums up."""
    below, root = pool(grace=2)
    async with running(root):
        for seconds in (1, 1, 5):
            await below.start_child(CleansUpFor(seconds))
        assert [each.id for each in below.tree().children] == ["job-1", "job-2", "job-3"]
        assert {below.get_spec(each.id).grace for each in below.tree().children} == {2}

    (summary,) = recorder.of(ChildrenStopped)
    assert (summary.at, summary.ends) == (2.0, {"Stopped": 2, "Abandoned": 1})


@contextmanager
def counted_calls():
    """Count every call that Python code of this thread makes or takes in the block."""
    calls = Counter()

    def count(frame, event, argument):
        calls[event] += 1

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


async def work_of_crashing(number):
    """Return how many calls it takes to deal with *number* children that crash at once."""
    moment = trio.Event()

    async def crash(ctx):
        ctx.ready()
        await moment.wait()
        raise ChildError

    template = ChildSpec("job", crash, restart=Restart.TEMPORARY)
    below = DynamicSupervisor("pool", template, sink=EventRecorder())
    async with running(below), trio.open_nursery() as nursery:
        for _ in range(number):
            nursery.start_soon(below.start_child)
        await trio.testing.wait_all_tasks_blocked()
        moment.set()
        with counted_calls() as calls:
            await trio.testing.wait_all_tasks_blocked()
        assert below.statistics().children.specs == 0
    return calls.total()


async def test_children_can_crash_en_masse_in_linear_time(autojump_clock):
    """Five thousand that crash at once are five times the work of one thousand, not more."""
    few, many = await work_of_crashing(1000), await work_of_crashing(5000)

    assert 4.5 < many / few < 5.5


async def test_crash_of_a_dynamic_child_restarts_it_alone(autojump_clock, pool, recorder):
    """Each has its own delays and numbers, the budget is that of all together."""
    below, root = pool(backoff=Backoff.none())
    async with running(root):
        await below.start_child()
        await below.start_child(Script(CrashesAfter(1), Obedient()))
        await trio.sleep(2)
        shown = {each.id: each.incarnation for each in below.tree().children}

    assert shown == {"job-1": 1, "job-2": 2}


async def test_dynamic_child_that_is_down_for_good_is_forgotten(autojump_clock, pool):
    """Finished or terminated, nothing of it is kept: such children may come by the million."""
    below, root = pool(restart=Restart.TRANSIENT)
    async with running(root):
        await below.start_child(FinishesAfter(1))
        stays = await below.start_child()
        await below.terminate_child(await below.start_child())
        await trio.sleep(2)
        assert [each.id for each in below.tree().children] == [stays]


async def test_dynamic_child_that_fails_to_start_is_told_and_forgotten(autojump_clock, pool):
    """Whoever wanted it gets the error; the others and the budget are left alone."""
    below, root = pool()
    async with running(root):
        await below.start_child()
        with pytest.raises(ChildStartFailed, match="no start"):
            await below.start_child(FailsToStart())
        assert below.statistics().children.specs == 1
        assert below.statistics().budget_left == 3


async def test_dynamic_children_start_side_by_side(autojump_clock, pool):
    """One that takes long to start does not keep the next from starting."""
    below, root = pool()
    async with running(root):
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(below.start_child, Obedient(start_for=5))
        assert trio.current_time() == 5


async def test_dynamic_children_use_up_one_budget(autojump_clock, build, recorder):
    """Too many crashes, of whichever of them, end their supervisor."""
    template = ChildSpec("job", Obedient(), backoff=Backoff.none())
    below = DynamicSupervisor("pool", template, intensity=2)
    with pytest.RaisesGroup(IntensityExceeded):
        async with running(build(below, intensity=0)):
            for _ in range(3):
                await below.start_child(Script(CrashesAfter(1), Obedient()))
            await trio.sleep(5)


async def test_numbers_of_dynamic_children_are_never_used_again(autojump_clock, pool):
    """A restarted supervisor starts empty, and goes on counting: no two share a path."""
    below = DynamicSupervisor("pool", ChildSpec("job", Obedient(), backoff=Backoff.none()))
    async with running(Supervisor("root", [below])) as root:
        await below.start_child()
        await root.terminate_child("pool")
        await root.restart_child("pool")
        assert await below.start_child() == "job-2"
        assert [each.path for each in root.tree().walk()][1:] == ["root/pool", "root/pool/job-2"]


async def test_arguments_of_a_dynamic_child_come_with_what_it_runs(autojump_clock, pool):
    """What one child works on is bound to its function; its restarts work on the same."""
    seen = []

    async def work(name, ctx):
        ctx.ready()
        seen.append((name, ctx.incarnation))
        if ctx.incarnation > 1:
            await ctx.stopping.wait()

    below, root = pool(backoff=Backoff.none(), on_exhausted=OnExhausted.NEVER)
    async with running(root):
        await below.start_child(partial(work, "anna"))
        await below.start_child(partial(work, "bert"))
        await trio.sleep(1)

    assert Counter(seen) == Counter([("anna", 1), ("bert", 1), ("anna", 2), ("bert", 2)])
