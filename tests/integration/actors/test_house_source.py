"""What the doors tell of the running house: its tree, its queues, its health."""

import trio

from actors.doors import HouseSource
from supervision import Backoff, ChildSpec, OnExhausted, Supervisor
from supervision.testing import CrashesAfter, Obedient, running

PARKS = {"backoff": Backoff.none(), "on_exhausted": OnExhausted.PARK, "cooldown": 100}


def build_source(bench, tree):
    queues = (bench.detection_queue, bench.analysis_queue)
    consumers = {each.name: bench.consumer(each) for each in queues}
    return HouseSource(bench.store, queues, consumers, tree, started_at=trio.current_time())


async def test_parked_actor_is_visible_and_degrades_the_house(bench):
    """The status names it, says why it is down and when it is tried again; the rest goes on."""
    parked = ChildSpec("gpu-monitor", CrashesAfter(0, OSError("no device")), **PARKS)
    root = Supervisor("root", [Supervisor("upkeep", [parked], intensity=1)])
    source = build_source(bench, root.tree)
    async with running(root):
        while not root.tree().is_degraded:
            await trio.sleep(0.01)
        report = await source.status()

    actor = report.actors[1]
    assert (actor.path, actor.state, actor.restarts) == ("upkeep/gpu-monitor", "parked", 1)
    assert 90 < actor.next_try_seconds <= 100
    assert report.health.state == "degraded"
    assert report.health.troubles[0].startswith("upkeep/gpu-monitor is parked")
    assert "no device" in report.health.troubles[0]
    assert report.adds_up


async def test_paused_actor_is_shown_and_no_trouble(bench):
    """Somebody wanted it so."""
    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    source = build_source(bench, root.tree)
    async with running(root):
        await root.pause_child("batcher")
        report = await source.status()

    assert [(each.state, each.paused) for each in report.actors] == [("ready", True)]
    assert report.health.state == "ok"
