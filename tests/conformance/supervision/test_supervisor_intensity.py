"""Intensity, backoff, parking, giving up (cases 31-43)."""

import random

import pytest
import trio

from supervision import (
    Backoff,
    ChildAlreadyPresent,
    ChildExited,
    ChildParked,
    ChildRestarting,
    ChildSpec,
    ChildStarting,
    ChildUnparked,
    Crashed,
    Escalated,
    IntensityExceeded,
    OnExhausted,
    Restart,
    RestartRefused,
    RestartScheduled,
    SpecError,
    Strategy,
    Supervisor,
)
from supervision.testing import (
    CrashesAfter,
    EventRecorder,
    FailsToStart,
    Obedient,
    Script,
    running,
)

EXACT = Backoff(minimum=1, maximum=1, jitter=0, reset_after=60)


async def test_restart_limit_is_exceeded_by_the_next_one(autojump_clock, build, recorder, quick):
    """With intensity 2, two restarts pass; the third is not done, and the supervisor gives up."""
    with pytest.raises(IntensityExceeded):
        await build(quick("a", CrashesAfter(0)), intensity=2).run()

    assert len(recorder.of(RestartScheduled)) == 2
    assert len(recorder.of(ChildStarting)) == 3
    assert len(recorder.of(RestartRefused)) == len(recorder.of(Escalated)) == 1


async def test_zero_intensity_escalates_on_first_crash(autojump_clock, build, recorder, quick):
    """With intensity 0 nothing is ever restarted."""
    with pytest.raises(IntensityExceeded):
        await build(quick("a", CrashesAfter(0)), intensity=0).run()

    assert len(recorder.of(ChildStarting)) == 1


@pytest.mark.parametrize(("second_run", "expected"), [(3.0, 2), (3.25, 3)])
async def test_window_edge_is_inclusive(autojump_clock, build, recorder, second_run, expected):
    """A second restart exactly one period after the first is one too many; later it passes."""
    # The first restart is decided at 0, its run begins at 1, so the second is due at 1 + run.
    acts = Script(CrashesAfter(0), CrashesAfter(second_run), Obedient())
    root = build(ChildSpec("a", acts, backoff=EXACT), intensity=1, period=4.0)
    async with trio.open_nursery() as nursery:
        if expected == 2:
            with pytest.raises(IntensityExceeded):
                await root.run()
        else:
            nursery.start_soon(root.run)
            await trio.sleep(10)
            root.stop()

    assert len(recorder.of(ChildStarting)) == expected


async def test_failed_restart_attempts_count(autojump_clock, build, recorder, quick):
    """A child that can't start again uses up the budget like one that crashes."""
    with pytest.raises(IntensityExceeded):
        await build(quick("a", Script(CrashesAfter(0), FailsToStart())), intensity=3).run()

    assert len(recorder.of(ChildStarting)) == 4


async def test_manual_calls_do_not_count(autojump_clock, build, recorder):
    """A hundred manual stops and starts leave the budget untouched."""
    async with running(build(ChildSpec("a", Obedient()), intensity=0)) as root:
        for _ in range(100):
            await root.terminate_child("a")
            await root.restart_child("a")
        assert root.tree().children[0].incarnation == 101

    assert recorder.of(RestartScheduled) == []


async def test_group_restart_counts_once(autojump_clock, build, quick):
    """Nine children restarted together are one restart."""
    crashing = quick("a", Script(CrashesAfter(1), Obedient()))
    others = [ChildSpec(f"b{n}", Obedient()) for n in range(8)]
    root = build(crashing, *others, strategy=Strategy.ONE_FOR_ALL, intensity=1)
    async with running(root):
        await trio.sleep(2)
        assert {each.incarnation for each in root.tree().children} == {2}


@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
async def test_giving_up_is_abnormal_to_the_parent(autojump_clock, build, recorder, quick, restart):
    """A supervisor that gave up is restarted by its parent even if it is transient (D1)."""
    below = Supervisor("below", [quick("leaf", CrashesAfter(1))], intensity=0)
    async with running(build(below.as_child(restart=restart))) as root:
        await trio.sleep(1.9)
        assert root.tree().children[0].incarnation == 2

    assert isinstance(recorder.of(ChildExited, "below")[0].outcome, Crashed)


async def test_giving_up_stops_the_others_in_reverse_and_raises(
    autojump_clock, build, recorder, quick
):
    """The error names the offender and tells how it died before."""
    others = [ChildSpec(name, Obedient()) for name in "bc"]
    root = build(ChildSpec("z", Obedient()), quick("a", CrashesAfter(1)), *others, intensity=1)
    with pytest.raises(IntensityExceeded) as caught:
        await root.run()

    assert [e.child for e in recorder.of(ChildExited)] == ["a", "a", "c", "b", "z"]
    assert (caught.value.supervisor, caught.value.offender) == ("root", "a")
    assert [(d.incarnation, d.cause, d.ran_for) for d in caught.value.tally] == [
        (1, "Crashed", 1.0),
        (2, "Crashed", 1.0),
    ]


async def test_escalation_reaches_the_root_through_every_level(autojump_clock, build, quick):
    """A leaf that can't be helped takes down level after level, each with its own budget."""
    leaf = Supervisor("low", [quick("leaf", CrashesAfter(0))], intensity=0)
    middle = Supervisor("mid", [leaf], intensity=0)
    with pytest.raises(IntensityExceeded, match="root: too many restarts, gave up on mid"):
        await build(middle, intensity=0).run()


async def test_backoff_grows_caps_and_jitters_within_bounds(autojump_clock, build, recorder):
    """A crash loop waits twice as long each time up to the cap, less at most the jitter."""
    backoff = Backoff(minimum=1, maximum=8, jitter=0.5, reset_after=100)
    child = ChildSpec("a", CrashesAfter(0), backoff=backoff, on_exhausted=OnExhausted.NEVER)
    async with running(build(child)):
        await trio.sleep(200)

    delays = [each.delay for each in recorder.of(RestartScheduled)]
    full = [1, 2, 4] + [8] * (len(delays) - 3)
    assert all(most / 2 <= delay <= most for delay, most in zip(delays, full, strict=True))
    assert len(set(delays)) == len(delays) > 20


async def test_backoff_resets_after_healthy_run_only(autojump_clock, build, recorder):
    """Dying just before reset_after keeps the delays growing; living that long starts over."""
    backoff = Backoff(minimum=1, maximum=8, jitter=0, reset_after=10)
    acts = [CrashesAfter(each) for each in (0, 9.5, 9.5, 10, 0)]
    child = ChildSpec(
        "a", Script(*acts, Obedient()), backoff=backoff, on_exhausted=OnExhausted.NEVER
    )
    async with running(build(child)):
        await trio.sleep(100)

    assert [each.delay for each in recorder.of(RestartScheduled)] == [1, 2, 4, 1, 2]


async def test_jitter_is_drawn_from_the_given_source(autojump_clock, quick):
    """The same random source gives the same delays, another one gives others."""

    async def delays(seed):
        recorder = EventRecorder()
        child = ChildSpec("a", Script(CrashesAfter(0), CrashesAfter(0), Obedient()))
        rng = random.Random(seed)  # noqa: S311 - jitter guards nothing
        root = Supervisor("root", [child], sink=recorder, rng=rng)
        async with running(root):
            await trio.sleep(5)
        return [each.delay for each in recorder.of(RestartScheduled)]

    assert await delays(1) == await delays(1) != await delays(2)


async def test_pending_restart_is_cancelled_by_terminate_and_by_stop(
    autojump_clock, build, recorder
):
    """A child terminated in its backoff stays down; a supervisor does not wait for a backoff."""
    pending = [ChildSpec(name, CrashesAfter(1), backoff=EXACT) for name in "ab"]
    async with running(build(*pending)) as root:
        await trio.sleep(1.5)
        await root.terminate_child("a")
        await trio.sleep(2)
        assert [each.state for each in root.tree().children] == ["stopped", "backoff"]

    assert trio.current_time() == 3.5
    await trio.sleep(100)
    assert [each.child for each in recorder.of(ChildStarting)] == ["a", "b", "b"]


async def test_pending_restart_reports_state_and_errors(autojump_clock, build):
    """In its backoff a child is shown with the time of its next start, and can't be touched."""
    async with running(build(ChildSpec("a", CrashesAfter(1), backoff=EXACT))) as root:
        await trio.sleep(1.5)
        (child,) = root.tree().children
        counts = root.counts()
        with pytest.raises(ChildAlreadyPresent):
            await root.start_child(ChildSpec("a", Obedient()))
        for call in (root.restart_child, root.delete_child):
            with pytest.raises(ChildRestarting):
                await call("a")

    assert (child.state, child.age, child.deadline) == ("backoff", 0.5, 2.0)
    assert (child.last_outcome, child.last_error) == ("Crashed", "ChildError: crashed")
    assert (counts.specs, counts.active, counts.backoff, counts.workers) == (1, 0, 1, 1)


def test_unreachable_escalation_is_refused():
    """A backoff that outlasts the period would hide a crash loop for ever: refused (D6)."""
    slow = ChildSpec("a", Obedient(), backoff=Backoff(minimum=5))
    with pytest.raises(SpecError, match="would never escalate") as caught:
        Supervisor("root", [slow], intensity=3, period=5.0)

    assert caught.value.field == "backoff"
    Supervisor("root", [ChildSpec("a", Obedient())])  # the defaults fit


@pytest.mark.parametrize("policy", [OnExhausted.PARK, OnExhausted.NEVER])
def test_policies_without_a_window_need_no_reachable_one(policy):
    """Parking and never giving up don't look at the period."""
    Supervisor(
        "root",
        [ChildSpec("a", Obedient(), backoff=Backoff(minimum=5), on_exhausted=policy)],
    )


async def test_parked_child_half_opens_closes_and_reopens(autojump_clock, build, recorder, quick):
    """Parked after its budget; a failed trial doubles the cool-down, a healthy one ends it."""
    acts = [CrashesAfter(0)] * 3 + [CrashesAfter(5), Obedient()]
    policy = {"on_exhausted": OnExhausted.PARK, "cooldown": 100}
    async with running(build(quick("a", Script(*acts), **policy), intensity=2)) as root:
        await trio.sleep(50)
        assert root.tree().is_degraded
        await trio.sleep(350)
        assert not root.tree().is_degraded

    assert [each.cooldown for each in recorder.of(ChildParked)] == [100, 200]
    assert [each.incarnation for each in recorder.of(ChildUnparked)] == [5]


async def test_parked_child_does_not_use_up_the_supervisors_window(autojump_clock, build, quick):
    """Its sibling still has the whole budget after a child was parked."""
    policy = {"on_exhausted": OnExhausted.PARK}
    parked = quick("a", CrashesAfter(0), **policy)
    sibling = quick("b", Script(CrashesAfter(0.5), CrashesAfter(0.5), Obedient()))
    async with running(build(parked, sibling, intensity=2)) as root:
        await trio.sleep(4)
        assert [each.state for each in root.tree().children] == ["parked", "ready"]


async def test_error_of_the_root_leaves_its_nursery_alone(autojump_clock, build, quick):
    """The escalation comes out of the nursery that ran the root, as itself."""
    with pytest.RaisesGroup(IntensityExceeded):
        async with trio.open_nursery() as nursery:
            await nursery.start(build(quick("a", CrashesAfter(1)), intensity=0).run)
