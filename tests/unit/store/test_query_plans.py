"""What runs for every upload or batch uses an index, however many rows there are."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from hsid.model import RefusalReason
from hsid.store import batches, events, uploads
from tests.unit.store.records import arrival, receive, sight

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
    "events": lambda conn: events.list_events(conn, 10),
    "page": lambda conn: events.list_events(conn, 10, 5),
}


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
