"""Auto-shutdown: a supervisor that has nothing left to do leaves (cases 58 and 59)."""

import pytest
import trio

from supervision import (
    AutoShutdown,
    Backoff,
    ChildSpec,
    ChildStarting,
    Completed,
    Restart,
    SignificantChildLeft,
    Strategy,
    Supervisor,
)
from supervision.testing import (
    CrashesAfter,
    DeclinesToStart,
    FinishesAfter,
    Obedient,
    Script,
    running,
)

ANY, ALL = AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT
TRANSIENT, TEMPORARY = Restart.TRANSIENT, Restart.TEMPORARY


def significant(name, start, restart=TRANSIENT, **policy):
    policy = {"backoff": Backoff.none(reset_after=1), **policy}
    return ChildSpec(name, start, significant=True, restart=restart, **policy)


async def is_over(root, seconds=10):
    """Run *root* for *seconds*; tell whether it left by itself."""
    with trio.move_on_after(seconds) as patience:
        await root.run()
    return not patience.cancelled_caught


@pytest.mark.parametrize(
    ("restart", "end", "leaves"),
    [
        (TRANSIENT, FinishesAfter(1), True),
        (TRANSIENT, Script(CrashesAfter(1), Obedient()), False),
        (TRANSIENT, DeclinesToStart(), False),
        (TEMPORARY, FinishesAfter(1), True),
        (TEMPORARY, CrashesAfter(1), True),
    ],
)
@pytest.mark.parametrize("others", [0, 1, 2])
async def test_any_significant_and_all_significant(
    autojump_clock, build, restart, end, leaves, others
):
    """A significant child that left for good, by itself, counts; ALL waits for the last of them."""
    staying = [significant(f"b{n}", Obedient()) for n in range(others)]
    plain = ChildSpec("plain", Obedient())

    async def leaves_under(auto_shutdown):
        ending = significant("a", end, restart)
        return await is_over(build(plain, ending, *staying, auto_shutdown=auto_shutdown))

    assert await leaves_under(ANY) is leaves
    assert await leaves_under(ALL) is (leaves and not others)


async def test_last_significant_child_takes_the_supervisor_along(autojump_clock, build, recorder):
    """One after the other may leave; with the last of them the others are stopped, too."""
    children = [significant(name, FinishesAfter(n)) for n, name in enumerate("abc", start=1)]
    assert await is_over(build(ChildSpec("plain", Obedient()), *children, auto_shutdown=ALL))

    assert trio.current_time() == 3
    assert recorder.trace(SignificantChildLeft) == ["significant_child_left c#1"]


async def test_terminated_significant_child_stops_nothing(autojump_clock, build):
    """An operator who stops it wants just that."""
    root = build(significant("a", Obedient()), auto_shutdown=ANY)
    async with running(root):
        await root.terminate_child("a")
        await trio.sleep(5)
        assert root.tree().state == "running"


@pytest.mark.parametrize("restart", [TRANSIENT, TEMPORARY])
async def test_significant_bystander_stops_nothing(autojump_clock, build, restart):
    """Nor does one that is stopped because of a sibling's failure."""
    crashing = ChildSpec("b", Script(CrashesAfter(1), Obedient()), backoff=Backoff.none())
    root = build(
        crashing,
        significant("a", Obedient(), restart),
        auto_shutdown=ANY,
        strategy=Strategy.ONE_FOR_ALL,
    )
    async with running(root):
        await trio.sleep(5)
        assert root.tree().state == "running"


async def test_insignificant_child_may_leave_unnoticed(autojump_clock, build):
    """Only those that were declared significant matter."""
    plain = ChildSpec("plain", FinishesAfter(1), restart=TEMPORARY)
    assert not await is_over(build(plain, significant("a", Obedient()), auto_shutdown=ANY))


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        ({"restart": TRANSIENT, "significant": True}, "over"),
        ({"restart": TRANSIENT}, "done"),
        ({"restart": Restart.PERMANENT}, "restarted"),
    ],
)
async def test_auto_shutdown_cascades_only_through_significant_supervisors(
    autojump_clock, build, recorder, policy, state
):
    """A supervisor that shut down has completed: its own restart type decides what follows."""
    child = significant("leaf", Script(FinishesAfter(1)))
    below = Supervisor("below", [child], auto_shutdown=ANY)
    root = build(below.as_child(backoff=Backoff.none(reset_after=0.5), **policy), auto_shutdown=ANY)
    with trio.move_on_after(1.5):
        await root.run()

    exits = [each.outcome for each in recorder.events if each.name == "child_exited"]
    assert Completed() in exits
    assert len(recorder.of(ChildStarting, "below")) == (2 if state == "restarted" else 1)
    assert trio.current_time() == (1 if state == "over" else 1.5)


async def test_supervisor_that_shuts_down_while_it_starts_has_completed(autojump_clock, build):
    """Its significant child was done before the next one was ready: no failed start."""
    slow = ChildSpec("slow", Obedient(start_for=5))
    below = Supervisor("below", [significant("a", FinishesAfter(1)), slow], auto_shutdown=ANY)
    async with running(build(below.as_child(restart=TRANSIENT))) as root:
        await trio.sleep(1)
        shown = root.tree().children[0]

    assert (shown.state, shown.last_outcome) == ("done", "Completed")
