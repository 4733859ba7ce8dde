"""Batches in the store: loading what is decided upon, and carrying the decision out."""

from datetime import timedelta

import pytest

from hsid.batching import (
    BatchPolicy,
    ChangeBatch,
    CloseBatch,
    DeleteBatch,
    ReopenBatch,
    Sighting,
    StartBatch,
    decide,
)
from hsid.model import BatchState, EventState
from hsid.store import batches, cameras, events, uploads
from hsid.store.search import EventQuery, search
from tests.unit.store.records import LEVEL, arrival, at, receive, sight, verdict

REACH = timedelta(seconds=120)
POLICY = BatchPolicy()


def load(conn, camera="gate"):
    return batches.load_camera(conn, camera, reach=REACH)


def start(conn, *upload_ids, batch_id="b1", until=0):
    action = StartBatch(batch_id, upload_ids, at(0), at(until))
    batches.apply(conn, "gate", [action])


def settle(conn, now):
    plan = decide(load(conn), now, POLICY)
    batches.apply(conn, "gate", plan.actions)
    return plan


def test_detections_without_batch_are_loose(conn):
    """An upload's detections are one sighting, and its camera has work."""
    first = sight(conn, 1, seconds=5, count=3)
    second = sight(conn, 2, seconds=1)
    assert load(conn).loose == (Sighting(second, at(1), 1), Sighting(first, at(5), 3))
    assert batches.cameras_with_work(conn) == ["gate"]


def test_a_camera_sees_its_own_detections_only(conn):
    """Another camera's sightings are no part of the decision."""
    sight(conn, 1, camera="yard")
    receive(conn, arrival(2))
    assert load(conn).loose == ()
    assert batches.cameras_with_work(conn) == ["yard"]


def test_a_started_batch_holds_its_sightings(conn):
    """What joined is loaded with the batch and is loose no more."""
    upload = sight(conn, 1, count=2)
    start(conn, upload)
    (batch,) = load(conn).open_batches
    assert (batch.id, batch.revision, batch.sightings) == ("b1", 0, (Sighting(upload, at(0), 2),))
    assert load(conn).loose == ()


def test_the_oldest_unfinished_capture_is_the_watermark(conn):
    """Received and queued uploads hold it back; those that were detected or ended do not."""
    sight(conn, 1, seconds=1)
    _, queued = receive(conn, arrival(2, seconds=9), arrival(3, seconds=4))
    uploads.mark_queued(conn, queued.id)
    assert load(conn).unfinished_oldest == at(4)
    uploads.bury(conn, queued.id, "boom")
    assert load(conn).unfinished_oldest == at(9)


def test_storing_detections_is_noted_for_the_camera(conn):
    """The decision is told when detections were last stored; nothing seen does not count."""
    receive(conn, arrival(1))
    assert load(conn).last_stored_at is None
    sight(conn, 2)
    assert load(conn).last_stored_at is not None


def test_closed_batches_within_reach_are_loaded(conn):
    """A late sighting may fall into a batch that ended no longer before it than the reach."""
    start(conn, sight(conn, 1, count=2))
    batches.apply(conn, "gate", [CloseBatch("b1", 1)])
    assert load(conn).closed == ()
    near = sight(conn, 2, seconds=120)
    (span,) = load(conn).closed
    assert (span.id, span.revision, span.started_at, span.count) == ("b1", 1, at(0), 2)
    uploads.mark_analysed(conn, [near])
    batches.apply(conn, "gate", [StartBatch("b2", (near,), at(120), at(120)), CloseBatch("b2", 1)])
    sight(conn, 3, seconds=121)
    assert [span.id for span in load(conn).closed] == ["b2"]


def test_a_closed_batch_can_be_reopened_and_changed(conn):
    """Reopening adds the late upload and keeps the revision until the next closing."""
    start(conn, sight(conn, 1))
    batches.apply(conn, "gate", [CloseBatch("b1", 1)])
    late = sight(conn, 2, seconds=20)
    batches.apply(conn, "gate", [ReopenBatch("b1", (late,), at(0), at(20))])
    assert batches.get(conn, "b1").state is BatchState.OPEN
    batches.apply(conn, "gate", [ChangeBatch("b1", (), at(0), at(25)), CloseBatch("b1", 2)])
    batch = batches.get(conn, "b1")
    assert (batch.state, batch.revision, batch.ended_at) == (BatchState.CLOSED, 2, at(25))


def test_an_emptied_batch_goes_with_its_event(conn):
    """What the fast path said of it is told by the event of the batch that took its uploads."""
    upload = sight(conn, 1)
    start(conn, upload)
    batch = batches.get(conn, "b1")
    judge = {"revision": 0, "level": LEVEL, "state": EventState.PROVISIONAL, "upload_ids": []}
    assert events.store_verdict(conn, batch, verdict(), **judge)
    start(conn, upload, batch_id="b2")
    batches.apply(conn, "gate", [DeleteBatch("b1")])
    assert batches.get(conn, "b1") is None
    assert batches.load_case(conn, "b1") is None
    assert search(conn, EventQuery(), 9) == []
    assert events.store_verdict(conn, batch, verdict(), **judge) is None


def test_a_case_holds_batch_camera_and_detections_in_order(conn):
    """An analyst is told everything of the batch, in order of capture."""
    start(conn, sight(conn, 1, seconds=9), sight(conn, 2, seconds=3), until=9)
    batch, camera, records = batches.load_case(conn, "b1")
    assert (batch.id, camera) == ("b1", cameras.get(conn, "gate"))
    assert [record.captured_at for record in records] == [at(3), at(9)]
    assert records[0].area_share == pytest.approx(30 * 40 / (640 * 480))


def test_decisions_applied_to_the_store_leave_nothing_to_decide(conn):
    """Load, decide and apply come to rest, and every sighting is in a batch."""
    for number, seconds in enumerate([0, 20, 45, 200, 210, 10]):
        sight(conn, number, seconds=seconds)
    settle(conn, at(100_000))
    assert settle(conn, at(100_000)).actions == ()
    assert batches.cameras_with_work(conn) == []
    spans = [(b.started_at, b.ended_at) for b in events.awaiting_verdict(conn)]
    assert spans == [(at(0), at(45)), (at(200), at(210))]
