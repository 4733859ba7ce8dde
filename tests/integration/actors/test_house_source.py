"""What the doors tell of the running house: its tree, its queues, its health."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import trio
from sqlalchemy import select

from actors.doors import HouseSource
from hsid.api.asking import EventFilter, EventListing
from hsid.gpu.board import Board
from hsid.gpu.survey import Fault, FaultKind, Survey
from hsid.live import LiveFeed
from hsid.model import GpuReading
from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import Entry, QueueUnavailableError
from hsid.retention.disk import Places
from hsid.retention.measuring import LastMeasured, measure
from hsid.retention_policy.decision import Limits
from hsid.store.errors import StoreCorruptError, StoreUnavailableError
from hsid.store.schema import audit
from supervision import Backoff, ChildSpec, OnExhausted, Supervisor
from supervision.testing import CrashesAfter, Obedient, running
from tests.unit.store.test_event_search import make

PARKS = {"backoff": Backoff.none(), "on_exhausted": OnExhausted.PARK, "cooldown": 100}


def build_source(bench, tree, **options):
    queues = (bench.detection_queue, bench.analysis_queue)
    consumers = {each.name: bench.consumer(each) for each in queues}
    now = trio.current_time()
    return HouseSource(bench.store, queues, consumers, LiveFeed(), tree, started_at=now, **options)


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


async def test_paused_actor_is_shown_and_not_forgotten(bench):
    """Somebody wanted it so, and the work is not done all the same."""
    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    source = build_source(bench, root.tree)
    async with running(root):
        await root.pause_child("batcher")
        report = await source.status()

    assert [(each.state, each.paused) for each in report.actors] == [("ready", True)]
    assert report.health.troubles == ("batcher is paused; `hsictl actor resume batcher` ends that",)


async def test_a_filling_queue_and_a_server_in_trouble_degrade_the_house(bench):
    """What stands outside the tree is told in the same place, in words."""
    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    await bench.detection_queue.put([Entry(f"{n}", {"n": n}) for n in range(80)])
    capacity = (await bench.detection_queue.stats()).capacity
    source = build_source(
        bench, root.tree, outages=lambda: ["Redis is away"], backpressure_threshold=80 / capacity
    )
    async with running(root):
        report = await source.status()

    assert report.health.state == "degraded"
    assert report.health.troubles == (
        "Redis is away",
        f"detection_queue is {80 / capacity:.0%} full",
    )
    assert [queue.fill_ratio for queue in report.queues] == [80 / capacity, 0]


async def test_events_are_found_in_the_store_and_counted_by_the_clock_of_the_house(bench):
    """12:00 in UTC is a quarter to six in the evening in Kathmandu."""
    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    source = build_source(bench, root.tree, timezone="Asia/Kathmandu")
    event_id = await bench.store.write(partial(make, number=0))

    page = await source.events(EventListing(camera="gate", q="somebody"))
    counted = await source.event_stats(EventFilter(level="low"))

    assert [event.event_id for event in page.events] == [event_id]
    assert (counted.total, counted.by_hour, counted.by_camera) == (1, {17: 1}, {"gate": 1})
    assert (await source.event(event_id)).detections[0].label == "person"


async def test_a_queue_that_does_not_answer_is_left_out_of_the_status(bench):
    """The page comes all the same; health says which queue waits."""

    class Away(MemoryQueue):
        async def stats(self):
            raise QueueUnavailableError("the server is away")

    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    source = replace(
        build_source(bench, root.tree), queues=(Away("detection_queue"), bench.analysis_queue)
    )
    async with running(root):
        report = await source.status()

    assert [queue.name for queue in report.queues] == ["analysis_queue"]


class Unreadable:
    """A store on a database that can't be read: *read* says how."""

    def __init__(self, read, trouble=None):
        self.read = read
        self.trouble = trouble

    def statistics(self):
        return self


def raising(error):
    async def read(_call):
        raise error

    return read


async def hang(_call):
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("store", "trouble"),
    [
        (Unreadable(raising(StoreUnavailableError("the server is away"))), "the server is away"),
        (Unreadable(raising(StoreCorruptError("it is damaged"))), "it is damaged"),
        (Unreadable(hang), "the database does not answer"),
    ],
)
async def test_a_database_that_is_away_leaves_the_counts_unknown(
    bench, autojump_clock, store, trouble
):
    """The page comes all the same, within seconds, with the tree and the reason."""
    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    source = replace(build_source(bench, root.tree), store=store, queues=())
    async with running(root):
        report = await source.status()

    assert report.health.troubles == (trouble,)
    assert (report.uploads.arrived, report.adds_up, report.refusals) == (None, None, None)
    assert [actor.path for actor in report.actors] == ["batcher"]


async def test_an_outage_of_the_database_is_told_once(bench):
    """The writer has met it as well, and says so among the outages."""
    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    store = Unreadable(raising(StoreUnavailableError("away")), trouble="away, since noon")
    source = build_source(bench, root.tree, outages=lambda: [store.trouble])
    async with running(root):
        report = await replace(source, store=store, queues=()).status()

    assert report.health.troubles == ("away, since noon",)


async def test_a_lost_card_degrades_the_house_and_is_shown(bench):
    """With its name, since when, and why; its figures are absent."""
    board, now = Board(), datetime(2026, 3, 1, 12, tzinfo=UTC)
    reading = GpuReading(now, 0, "GPU-0", "A card", 0.25, 4000, 8000, 40.0, None)
    board.note(Survey((reading,)), now)
    board.note(Fault(FaultKind.LOST), now + timedelta(minutes=1))
    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    source = build_source(
        bench, root.tree, outages=lambda: board.troubles, cards=lambda: board.cards
    )
    async with running(root):
        report = await source.status()

    assert report.health.state == "degraded"
    assert report.health.troubles[0].startswith("lost GPU A card (number 0): the driver has lost")
    (gpu,) = report.gpus
    assert (gpu.name, gpu.state, gpu.since) == ("A card", "lost", now + timedelta(minutes=1))
    assert (gpu.utilization_ratio, gpu.memory_used_bytes, gpu.recorded_at) == (None, None, None)


async def test_a_star_from_the_socket_is_stored_and_recorded(bench):
    """Given, and refused for an event that is not there: both are in the record of changes."""
    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    source = build_source(bench, root.tree)
    event_id = await bench.store.write(partial(make, number=0))

    given = await source.change_star(event_id, starred=True, by="control socket")
    missing = await source.change_star(99, starred=False, by="control socket")
    rows = await bench.store.read(lambda conn: conn.execute(select(audit)).all())

    assert (given.changed, missing) == (True, None)
    assert (await source.event(event_id)).starred
    assert [(row.actor, row.action, row.details, row.error) for row in rows] == [
        ("control socket", "event.star", {"changed": True}, None),
        ("control socket", "event.unstar", {"changed": False}, "there is no event 99"),
    ]


async def test_the_room_is_what_the_last_round_of_retention_has_found(bench, tmp_path):
    """Nothing before the first; and no folder is read to answer."""
    root = Supervisor("root", [ChildSpec("batcher", Obedient())])
    last, limits = LastMeasured(), Limits(timedelta(days=30), timedelta(days=7), max_bytes=1)
    source = build_source(bench, root.tree, measured=lambda: last.value)
    async with running(root):
        before = await source.status()
        places = Places(tmp_path / "security.db", None, tmp_path)
        last.value = await measure(bench.store, limits, places, datetime.now(UTC))
        after = await source.status()

    assert before.retention is None
    assert (after.retention.outlook, after.retention.days_left) == ("unknown", None)
    assert after.retention.used_bytes > 0
