"""Faults at every possible moment: the n-th checkpoint, for all n."""

from collections import Counter

import pytest
import trio

from supervision import ChildExited, ChildSpec, ChildStarting, Restart, Supervisor
from supervision.testing import ChildError, CleansUpFor, Obedient, Script, running

CHECKPOINTS = 5  # of the child below: two before it is ready, three after


def failing_at(fault):
    """Return a child that raises at its checkpoint number *fault*."""

    async def child(ctx):
        for number in range(CHECKPOINTS):
            if number == 2:
                ctx.ready()
            await trio.lowlevel.checkpoint()
            if number == fault:
                raise ChildError(number)
        await ctx.stopping.wait()

    return child


@pytest.mark.parametrize("fault", range(CHECKPOINTS))
async def test_fault_at_any_checkpoint_of_a_child_is_healed(autojump_clock, build, quick, fault):
    """Wherever a lenient child breaks, it is restarted and its sibling never notices."""
    child = quick("a", Script(failing_at(fault), Obedient()), lenient_start=True)
    async with running(build(child, ChildSpec("b", Obedient()))) as root:
        await trio.sleep(1)
        shown = [(each.state, each.incarnation) for each in root.tree().children]

    assert shown == [("ready", 2), ("ready", 1)]


@pytest.mark.parametrize("steps", range(30))
async def test_cancel_at_any_moment_leaves_no_child_behind(
    autojump_clock, build, recorder, quick, steps
):
    """However early or late the outer cancel comes, each child that started is seen ending."""
    below = Supervisor("below", [quick("leaf", failing_at(3), restart=Restart.TEMPORARY)])
    root = build(ChildSpec("a", CleansUpFor(1)), below, ChildSpec("b", CleansUpFor(1)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(root.run)
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()

    def count(kind):
        return Counter((each.child, each.incarnation) for each in recorder.of(kind))

    assert count(ChildStarting) == count(ChildExited)


async def test_error_in_the_supervisors_caller_stops_the_tree(autojump_clock, build, recorder):
    """When the nursery around the root fails, the children are stopped in order all the same."""
    with pytest.RaisesGroup(ChildError):
        async with running(build(ChildSpec("a", CleansUpFor(1)), ChildSpec("b", CleansUpFor(1)))):
            raise ChildError

    assert [(e.child, e.at) for e in recorder.of(ChildExited)] == [("b", 1.0), ("a", 2.0)]
