"""The documents as built from a real database."""

from datetime import UTC, datetime, timedelta

import pytest

from hsid.api.asking import EventFilter, EventListing
from hsid.api.models import ActorReport, QueueReport
from hsid.api.report import Running, count, event_detail, event_page, event_stats, status_report
from hsid.batching import CloseBatch, StartBatch
from hsid.constants import DETECTION_QUEUE
from hsid.model import (
    AnalysisKind,
    Arrival,
    Box,
    CaptureSource,
    Detection,
    EventState,
    FileVersion,
    RefusalReason,
    Severity,
    Verdict,
)
from hsid.observe.health import Health, HealthState
from hsid.queues.protocol import Entry
from hsid.queues.sqlite_entries import SqliteEntries
from hsid.store import batches, events, uploads
from hsid.store.database import open_database

NOW = datetime(2025, 3, 4, 2, 13, tzinfo=UTC)
CAT = Detection("cat", 0.75, Box(10, 20, 30, 40))


def build_arrival(number, **changes):
    fields = {
        "version": FileVersion(f"door/{number}.jpg", number, 100, number),
        "camera_id": "door",
        "received_at": NOW,
        "captured_at": NOW + timedelta(seconds=number),
        "capture_source": CaptureSource.NAME,
        "sha256": f"{number}",
    }
    return Arrival(**(fields | changes))


def judge(conn, number, score=10):
    """Take upload *number* all the way to an event of its own."""
    (upload,) = uploads.receive(conn, [build_arrival(number)], dedupe_ttl=0)
    uploads.record_detections(conn, upload.id, [CAT], width=100, height=100, detector="d")
    batch_id = f"batch{number}"
    moment = upload.captured_at
    start = StartBatch(batch_id, (upload.id,), moment, moment)
    batches.apply(conn, "door", [start, CloseBatch(batch_id, 1)])
    return events.store_verdict(
        conn,
        batches.get(conn, batch_id),
        Verdict(score, "A cat", "one cat", AnalysisKind.RULES, "rules-1"),
        revision=1,
        level=Severity.LOW,
        state=EventState.FINAL,
        upload_ids=[upload.id],
    )


@pytest.fixture
def conn(tmp_path):
    with open_database(tmp_path / "test.db") as database, database.transaction() as connection:
        yield connection


def test_the_status_holds_accounting_refusals_and_queues(conn):
    """Each number comes from the ledger or the queue of the same snapshot."""
    queue = SqliteEntries(DETECTION_QUEUE, capacity=5)
    queue.put_in(conn, [Entry("upload:1", {"upload_id": 1})])
    refused = build_arrival(2, refusal=RefusalReason.EMPTY_FILE)
    uploads.receive(conn, [build_arrival(1), refused], dedupe_ttl=0)

    report = status_report(count(conn), [QueueReport.of(queue.name, queue.stats_in(conn))])

    assert (report.uploads.arrived, report.uploads.pending, report.uploads.refused) == (2, 1, 1)
    assert report.adds_up
    assert report.refusals == {"empty_file": 1}
    assert (report.queues[0].name, report.queues[0].ready) == (DETECTION_QUEUE, 1)


def test_without_a_daemon_the_status_says_so(conn):
    """Nothing is made up about a process that isn't there."""
    report = status_report(count(conn), [])

    assert (report.running, report.pid, report.actors, report.health) == (False, None, None, None)


def test_a_running_daemon_adds_what_it_knows_of_itself(conn):
    """Process, age and actors are the daemon's own words."""
    watcher = ActorReport(path="pipeline/watcher", state="running", restarts=0)

    health = Health(HealthState.DEGRADED, ("it is parked",))
    running = Running(pid=7, uptime=2.0, health=health, actors=(watcher,))
    report = status_report(count(conn), [], running)

    assert (report.running, report.pid, report.uptime_seconds) == (True, 7, 2.0)
    assert report.actors == (watcher,)
    assert (report.health.state, report.health.troubles) == ("degraded", ("it is parked",))


def test_what_can_not_be_counted_is_unknown_and_never_zero():
    """The rest is told all the same, and the document has the same fields."""
    health = Health(HealthState.DEGRADED, ("the database is away",))
    report = status_report(None, [], Running(pid=7, uptime=2.0, health=health, actors=()))

    document = report.model_dump(mode="json")
    assert set(document["uploads"].values()) == {None}
    assert (document["adds_up"], document["refusals"]) == (None, None)
    assert (document["pid"], document["health"]["state"]) == (7, "degraded")


def test_a_lost_upload_shows_in_the_status(conn):
    """The status doesn't hide a row that went missing behind the ledger's back."""
    uploads.receive(conn, [build_arrival(1)], dedupe_ttl=0)
    conn.exec_driver_sql("DELETE FROM dedupe")
    conn.exec_driver_sql("DELETE FROM uploads")

    assert not status_report(count(conn), []).adds_up


def test_pages_lead_from_the_latest_event_to_the_first(conn):
    """Following *next_before* shows each event once, and then ends."""
    made = [judge(conn, number).id for number in (1, 2, 3)]

    first = event_page(conn, EventListing(limit=2))
    second = event_page(conn, EventListing(limit=2, before=first.next_before))

    assert [e.event_id for e in first.events + second.events] == made[::-1]
    assert second.next_before is None


def test_a_filter_of_the_api_is_a_question_to_the_store(conn):
    """Each parameter reaches it; classes are written as hsid writes them."""
    wanted = judge(conn, 1)
    asked = {
        "camera": "door",
        "level": "low",
        "label": "CAT",
        "since": NOW,
        "until": NOW + timedelta(minutes=1),
        "state": "final",
        "starred": False,
        "q": "cat",
    }
    assert [e.event_id for e in event_page(conn, EventListing(**asked)).events] == [wanted.id]
    for name, other in [("camera", "x"), ("level", "high"), ("starred", True), ("q", "dog")]:
        assert event_page(conn, EventListing(**asked | {name: other})).events == ()


def test_events_are_counted_in_a_document(conn):
    """By day, hour, camera and level, and only those that are meant."""
    judge(conn, 1)
    document = event_stats(conn, EventFilter(), UTC).model_dump(mode="json")
    assert document == {
        "total": 1,
        "by_day": {"2025-03-04": 1},
        "by_hour": {"2": 1},
        "by_camera": {"door": 1},
        "by_level": {"low": 1},
    }
    assert event_stats(conn, EventFilter(level="high"), UTC).total == 0


def test_an_event_in_detail_has_its_detections(conn):
    """What was seen comes with its place, its time and its upload."""
    event = judge(conn, 1)

    detail = event_detail(conn, event.id)

    assert detail.risk_score == 10
    assert [(d.label, d.box) for d in detail.detections] == [("cat", (10, 20, 30, 40))]
    assert detail.detections[0].captured_at == NOW + timedelta(seconds=1)


def test_there_is_no_detail_of_an_event_that_is_not_there(conn):
    """An unknown id is no error of the database."""
    assert event_detail(conn, 5) is None


def test_documents_hold_times_in_utc(conn):
    """In JSON a time ends in Z."""
    document = event_detail(conn, judge(conn, 1).id).model_dump(mode="json")

    assert document["started_at"] == "2025-03-04T02:13:01Z"
