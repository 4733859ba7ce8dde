"""What runs for every upload or batch uses an index, however many rows there are."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from hsid.media.names import OfBatch, OfUpload
from hsid.model import HourOfWeek, RefusalReason
from hsid.store import (
    baselines,
    batches,
    events,
    gpu_stats,
    growth,
    logs,
    media,
    old_records,
    retention,
    stars,
    uploads,
)
from hsid.store.old_records import CHANGES, LOG_LINES, Record
from tests.unit.store.records import NOON, arrival, at, receive, sight

SOME = retention.Position(at(0), 1)

QUERIES = {
    "backlog": lambda conn: uploads.backlog(conn, 10),
    "queued": uploads.queued_ids,
    "receive": lambda conn: receive(conn, arrival(2)),
    "queue": lambda conn: uploads.mark_queued(conn, 1),
    "refuse": lambda conn: uploads.refuse(conn, 1, RefusalReason.CORRUPT, "bad"),
    "detect": lambda conn: sight(conn, 2),
    "analyse": lambda conn: uploads.mark_analysed(conn, [1]),
    "camera": lambda conn: batches.load_camera(conn, "gate", reach=timedelta(seconds=9)),
    "cameras": batches.cameras_with_work,
    "case": lambda conn: batches.load_case(conn, "b1"),
    "event": lambda conn: events.get_event(conn, 1),
    "gpus": lambda conn: gpu_stats.history(conn, NOON),
    "gpus of old": lambda conn: gpu_stats.prune(conn, NOON),
    "log": lambda conn: logs.search(conn, logs.LogQuery(level=30), 9, logs.LogPosition(at(9), 1)),
    "log since": lambda conn: logs.search(conn, logs.LogQuery(camera_id="gate", since=at(0)), 9),
    "uncounted": lambda conn: baselines.not_counted(conn, "b1", [1]),
    "count": lambda conn: baselines.count(conn, "gate", ["person"], HourOfWeek(7, 1)),
    "baseline": lambda conn: baselines.get(conn, "gate", "person", HourOfWeek(7, 9)),
    "old uploads": lambda conn: retention.load_page(
        conn, "gate", after=SOME, before=at(9), limit=9
    ),
    "latest uploads": lambda conn: retention.latest_versions(conn, "gate", 9),
    "known": lambda conn: retention.known(conn, retention.latest_versions(conn, "gate", 9)),
    "delete cases": lambda conn: retention.delete_cases(conn, ["b1"]),
    "strip": lambda conn: retention.strip(conn, [1], claimed_before=at(0)),
    "forget": lambda conn: retention.forget(conn, [1]),
    "old log lines": lambda conn: old_records.page(
        conn, LOG_LINES, before=at(9), after=Record(at(0), 1), limit=9
    ),
    "old changes": lambda conn: old_records.page(conn, CHANGES, before=at(9), after=None, limit=9),
    "delete changes": lambda conn: old_records.remove(conn, CHANGES, [Record(at(0), 1)]),
    "size of the log": lambda conn: old_records.size_of_log(conn, at(0)),
    "star": lambda conn: stars.change(conn, 1, is_starred=True, by="test"),
    "unstar": lambda conn: stars.change(conn, 1, is_starred=False, by="test"),
    "starred": lambda conn: stars.starred(conn, [1]),
    "standing": lambda conn: media.standing(conn, [OfUpload(1), OfBatch("b1")]),
    "arrivals": lambda conn: growth.arrivals(conn, since=at(9), kept_since=at(0)),
    "letters": lambda conn: retention.old_dead_letters(conn, at(0), 9, ("q", 0.0, "1")),
}


@pytest.fixture
def database_url(tmp_path):
    """The planner of SQLite goes by the schema alone; that of PostgreSQL, by what is stored."""
    return f"sqlite:///{tmp_path}/hsid.db"


@pytest.mark.parametrize("name", QUERIES)
def test_no_table_is_scanned_or_sorted(conn, name):
    """The plan of each statement searches an index; only walks along one in its order are scans."""
    sight(conn, 1)
    statements = []

    def note(_conn, _cursor, statement, parameters, _context, many):
        statements.append((statement, parameters[0] if many else parameters))

    event.listen(conn, "before_cursor_execute", note)
    QUERIES[name](conn)
    event.remove(conn, "before_cursor_execute", note)
    assert statements
    for statement, parameters in statements:
        rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plan = [row.detail for row in rows]
        assert not [line for line in plan if "SCAN" in line and "USING" not in line], plan
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan or name in {"camera", "case"}, plan
