"""Batcher and analyzer on a real store: from detections to one event a batch."""

from datetime import timedelta
from functools import partial

import pytest

from actors.analyzer import Analyzer
from actors.batcher import Batcher
from hsid.ai.rules import RuleAnalyst
from hsid.ai.severity import SeverityThresholds
from hsid.batching import BatchPolicy
from hsid.model import Box, Detection, EventState, HourOfWeek, UploadState
from hsid.notices import Notice
from hsid.store import baselines, uploads
from hsid.store.search import EventQuery, search

SHORT = BatchPolicy(window=timedelta(seconds=60), idle=timedelta(milliseconds=200))
PERSON = Detection("person", 0.9, Box(1, 2, 30, 40))


class BrokenAnalyst:
    """Fails at every case."""

    name = "broken"

    async def judge(self, case):
        raise ArithmeticError(f"no idea about {len(case.detections)} detections")


@pytest.fixture
def start(bench, run):
    """Start the batcher and an analyzer; return the notice that wakes the former."""

    async def starting(analyst=None, **batching) -> Notice:
        notice = Notice()
        consumer = bench.consumer(bench.analysis_queue)
        analyzer = Analyzer(
            consumer, bench.store, analyst or RuleAnalyst(), SeverityThresholds, "UTC"
        )
        batcher = Batcher(bench.store, bench.feeder, SHORT, notice, **batching)
        for part in (consumer.run_committer, consumer.run_pump, analyzer.run, batcher.run):
            await run(part)
        return notice

    return starting


async def detect(bench, name: str, content: bytes) -> int:
    """Put an upload in which one person was seen."""
    upload_id = await bench.upload(name, content)

    def record(conn):
        return uploads.record_detections(
            conn, upload_id, [PERSON], width=64, height=48, detector="test"
        )

    assert await bench.store.write(record)
    return upload_id


async def test_what_was_seen_together_is_one_event(bench, start, picture) -> None:
    """The batch closes by itself when nothing more is seen, and is judged."""
    notice = await start()
    first, second = [await detect(bench, name, picture()) for name in ("a.jpg", "b.jpg")]
    notice.give()

    await bench.wait_for(first, UploadState.ANALYSED)
    await bench.wait_for(second, UploadState.ANALYSED)
    (event,) = await bench.store.read(partial(search, query=EventQuery(), limit=10))

    assert event.state is EventState.FINAL
    assert (event.analysis, event.camera_id) == ("rules", "front")
    assert (await bench.store.read(uploads.accounting)).is_balanced


async def test_a_late_sighting_updates_the_event_it_belongs_to(bench, start, picture) -> None:
    """One incident, one event: a second revision, not a second event."""
    notice = await start()
    content = picture()
    upload_id = await detect(bench, "20260501-101500.jpg", content)
    notice.give()
    await bench.wait_for(upload_id, UploadState.ANALYSED)

    again = await detect(bench, "x_20260501-101500.jpg", picture())
    notice.give()
    await bench.wait_for(again, UploadState.ANALYSED)

    (event,) = await bench.store.read(partial(search, query=EventQuery(), limit=10))
    assert event.revision == 2


async def test_a_sight_that_its_hour_knows_matters_less(bench, start, picture) -> None:
    """Four weeks of history are enough, by the camera's clock; each event adds to it."""
    upload_id = await detect(bench, "20260505-101500.jpg", picture())
    hour = HourOfWeek.of((await bench.wait_for(upload_id, UploadState.DETECTED)).captured_at)

    def learn(conn):
        for week in range(hour.week - 4, hour.week):
            baselines.count(conn, "front", ["person"], HourOfWeek(hour.hour, week))

    await bench.store.write(learn)
    (await start()).give()
    await bench.wait_for(upload_id, UploadState.ANALYSED)

    (event,) = await bench.store.read(partial(search, query=EventQuery(), limit=10))
    assert "seen here about 1 times a day at this hour" in event.reasoning
    week_after = HourOfWeek(hour.hour, hour.week + 1)
    read = partial(baselines.get, camera_id="front", label="person", hour=week_after)
    assert (await bench.store.read(read)).times == 5


async def test_a_batch_that_nobody_can_judge_ends_as_dead_with_the_error(
    bench, start, picture
) -> None:
    """No end is silent, and no score is made up."""
    notice = await start(BrokenAnalyst())
    upload_id = await detect(bench, "a.jpg", picture())
    notice.give()

    row = await bench.wait_for(upload_id, UploadState.DEAD)

    assert row.reason == "ArithmeticError: no idea about 1 detections"
    assert await bench.store.read(partial(search, query=EventQuery(), limit=10)) == []
    assert (await bench.store.read(uploads.accounting)).is_balanced


async def test_what_another_node_has_stored_is_found_without_a_notice(
    bench, start, picture
) -> None:
    """The batcher of a shared database looks now and then, whatever it hears."""
    await start(longest_sleep=0.05)
    upload_id = await detect(bench, "a.jpg", picture())

    await bench.wait_for(upload_id, UploadState.ANALYSED)
