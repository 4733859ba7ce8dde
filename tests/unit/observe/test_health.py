"""What counts as trouble, and in which words."""

import pytest
import trio

from hsid.observe.health import HealthState, judge
from supervision import Backoff, ChildSpec, DoNotRestart, OnExhausted, Supervisor
from supervision.testing import BeatsFor, CrashesAfter, Obedient, Script, Stubborn, running

QUICK = {"backoff": Backoff.none(), "on_exhausted": OnExhausted.PARK, "cooldown": 100}


async def judged(*children, after=1, waiting=()):
    root = Supervisor("root", [Supervisor("pipeline", children, intensity=1)])
    async with running(root):
        await trio.sleep(after)
        return judge(root.tree(), waiting)


async def test_daemon_whose_actors_work_is_well(autojump_clock):
    """One restart in time is no trouble."""
    health = await judged(ChildSpec("a", Script(CrashesAfter(0), Obedient()), **QUICK))

    assert (health.state, health.troubles) == (HealthState.OK, ())


async def test_parked_actor_degrades_the_daemon(autojump_clock):
    """It is named with its error, and when it is tried again."""
    health = await judged(ChildSpec("a", CrashesAfter(0), **QUICK), ChildSpec("b", Obedient()))

    assert health.state is HealthState.DEGRADED
    assert health.troubles == ("pipeline/a is parked, tried again in 99 s: ChildError: crashed",)


async def test_actor_that_must_not_be_restarted_waits_for_somebody(autojump_clock):
    """The trouble says that time alone won't mend it."""
    hopeless = CrashesAfter(0, DoNotRestart("no such device"))
    health = await judged(ChildSpec("a", hopeless, **QUICK))

    assert "parked until it is restarted by hand: DoNotRestart: no such device" in str(health)


async def test_actor_that_would_not_end_is_a_trouble(autojump_clock):
    """Its successor works, but something runs on that should not."""
    child = ChildSpec("a", Script(Stubborn(20), BeatsFor(0.2)), heartbeat_timeout=1, grace=1)
    health = await judged(child, after=10)

    assert health.troubles[0].startswith("pipeline/a did not end when it was stopped")


@pytest.mark.parametrize("waiting", [("detection_queue",), ("detection_queue", "analysis_queue")])
async def test_queue_without_its_storage_degrades_the_daemon(autojump_clock, waiting):
    """Each is named, and what becomes of the uploads meanwhile."""
    health = await judged(waiting=waiting)

    assert health.state is HealthState.DEGRADED
    assert [trouble.split()[0] for trouble in health.troubles] == list(waiting)


async def test_what_somebody_paused_or_stopped_is_not_forgotten(autojump_clock):
    """The work is not done, whoever wanted it so; the words say what brings it back."""
    pipeline = Supervisor("pipeline", [ChildSpec("a", Obedient()), ChildSpec("b", Obedient())])
    root = Supervisor("root", [pipeline])
    async with running(root):
        await pipeline.pause_child("a")
        await pipeline.terminate_child("b")
        idle = judge(root.tree())
        await pipeline.resume_child("a")
        await pipeline.restart_child("b")
        again = judge(root.tree())
        await root.terminate_child("pipeline")
        whole = judge(root.tree())

    assert (idle.state, again.state) == (HealthState.DEGRADED, HealthState.OK)
    assert idle.troubles == (
        "pipeline/a is paused; `hsictl actor resume pipeline/a` ends that",
        "pipeline/b was stopped; `hsictl actor start pipeline/b` starts it",
    )
    assert whole.troubles == ("pipeline was stopped; `hsictl actor start pipeline` starts it",)


async def test_a_daemon_that_stops_is_not_told_to_start_its_parts(autojump_clock):
    """They go down in order, because they are to."""
    root = Supervisor("root", [ChildSpec("a", Stubborn(5), grace=20), ChildSpec("b", Obedient())])
    async with running(root):
        root.stop()
        await trio.sleep(1)
        health = judge(root.tree())

    assert health.troubles == ()
