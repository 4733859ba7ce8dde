"""The audit after the crashes sees whatever may have been lost or done twice."""

import pytest
from sqlalchemy import text

from benchmarks._crash_audit import audit, look_at_wreck
from hsid.batching import CloseBatch, StartBatch
from hsid.model import EventState
from hsid.queues.protocol import QueueStats
from hsid.store import batches, events
from hsid.store.database import open_database
from tests.unit.store.records import LEVEL, arrival, at, receive, record, sight, verdict

EACH = 2
FILES = {(f"gate/{number}.jpg", number, 1000, number) for number in (1, 2)}
IDLE = QueueStats(ready=0, leased=0, delayed=0, dead=0, capacity=9, oldest_age=None)


def judge_batch(conn, batch_id, *numbers):
    ids = tuple(sight(conn, number, count=EACH) for number in numbers)
    actions = [StartBatch(batch_id, ids, at(0), at(0)), CloseBatch(batch_id, 1)]
    batches.apply(conn, "gate", actions)
    events.store_verdict(
        conn,
        batches.get(conn, batch_id),
        verdict(),
        revision=1,
        level=LEVEL,
        state=EventState.FINAL,
        upload_ids=ids,
    )


@pytest.fixture
def conn(tmp_path):
    with (
        open_database(tmp_path / "security.db") as database,
        database.transaction() as connection,
    ):
        judge_batch(connection, "b1", 1, 2)
        yield connection


def found(kinds):
    return {kind for kind, count in kinds.items() if count}


def test_a_sound_house_has_nothing_lost_and_nothing_double(conn):
    """Where each file has come to its event once, nothing is reported, and all is counted."""
    result = audit(conn, FILES, [IDLE], each=EACH)

    assert not found(result.lost)
    assert not found(result.double)
    assert result.stages == {
        "files": 2,
        "uploads": 2,
        "detections": 4,
        "batches": 1,
        "events": 1,
        "left in queues": 0,
        "dead letters": 0,
    }


@pytest.mark.parametrize(
    ("breach", "kind"),
    [
        ("UPDATE uploads SET state = 'queued' WHERE id = 1", "upload that stays queued"),
        ("UPDATE uploads SET state = 'detected' WHERE id = 1", "upload that stays detected"),
        ("UPDATE uploads SET state = 'nothing_seen' WHERE id = 1", "upload that ended as nothing_"),
        ("DELETE FROM detections WHERE id = 1", "upload without all of its detections"),
        ("UPDATE detections SET batch_id = NULL WHERE id = 1", "upload with detections in no b"),
        ("DELETE FROM events", "batch without an event"),
    ],
)
def test_the_audit_sees_each_kind_of_loss(conn, breach, kind):
    """Each stage that an upload has not come past is a loss, under its name and once."""
    conn.execute(text(breach))
    ((name, count),) = [
        item for item in audit(conn, FILES, [IDLE], each=EACH).lost.items() if item[1]
    ]

    assert name.startswith(kind)
    assert count == 1


@pytest.mark.parametrize(
    ("breach", "kind"),
    [
        ("UPDATE detections SET upload_id = 2", "upload with detections stored twice"),
        ("UPDATE detections SET batch_id = 'b2' WHERE id = 1", "upload in two batches"),
        ("UPDATE uploads SET path = 'gate/1.jpg' WHERE id = 2", "path with two rows"),
        ("UPDATE upload_counts SET total = total + 1", "counter that disagrees"),
    ],
)
def test_the_audit_sees_each_kind_of_doubling(conn, breach, kind):
    """What is there a second time is named, whatever else the breach has broken."""
    judge_batch(conn, "b2", 3)
    conn.execute(text(breach))

    assert kind in found(audit(conn, FILES, [IDLE], each=EACH).double)


def test_files_and_rows_are_held_against_each_other(conn):
    """A file that the ledger doesn't know is lost, a row without a file is one too many."""
    result = audit(conn, {("gate/9.jpg", 9, 1000, 9)}, [IDLE], each=EACH)

    assert result.lost["file without a row"] == 1
    assert result.double["row without a file"] == 2


def test_what_a_kill_interrupts_is_told_from_what_is_finished(conn):
    """A judged house has nothing in flight; an upload that was received or seen has."""
    assert not look_at_wreck(conn, [IDLE]).has_work_in_flight

    (upload,) = receive(conn, arrival(7))
    assert look_at_wreck(conn, [IDLE]).stages["received"] == 1
    record(conn, upload.id)
    assert not look_at_wreck(conn, [IDLE]).has_work_in_flight
    sight(conn, 8)
    assert look_at_wreck(conn, [IDLE]).stages["detected, in no batch"] == 1


def test_an_open_batch_alone_is_no_work_in_flight(conn):
    """It may only wait for its time to pass: a kill then interrupts nothing."""
    batches.apply(conn, "gate", [StartBatch("b3", (), at(0), at(0))])
    wreck = look_at_wreck(conn, [IDLE])

    assert wreck.stages["batch open"] == 1
    assert not wreck.has_work_in_flight
