"""What finding events costs on PostgreSQL: the indexes that its planner has to choose from."""

import pytest
from sqlalchemy import event

from hsid.model import Severity
from hsid.store.database import open_database
from hsid.store.search import EventQuery, search
from tests.unit.store.test_event_search import make

QUERIES = {
    "ix_events_words": {"words": "front-door cat"},
    "ix_events_started_at_id": {},
    "ix_events_camera_id_started_at_id": {"camera_id": "gate"},
    "ix_events_risk_level_started_at_id": {"level": Severity.LOW},
}


@pytest.fixture
def conn(new_postgres_url):
    with open_database(new_postgres_url()) as database, database.transaction() as connection:
        yield connection


@pytest.mark.parametrize("index", QUERIES)
def test_each_question_has_its_index(conn, index):
    """Where a table may not be read through, the index that was made for it is what is used."""
    first = make(conn, 1)
    conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
    # A handful of rows is walked along in any case, unless there is only the other way.
    way = "enable_indexscan" if index == "ix_events_words" else "enable_sort"
    conn.exec_driver_sql(f"SET LOCAL {way} = off")
    statements = []

    def note(_conn, _cursor, statement, parameters, _context, _many):
        statements.append((statement, parameters))

    event.listen(conn, "before_cursor_execute", note)
    search(conn, EventQuery(**QUERIES[index]), 9, first)
    event.remove(conn, "before_cursor_execute", note)
    statement, parameters = statements[-1]
    plan = "\n".join(conn.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
    assert index in plan, plan
    assert "Seq Scan on events" not in plan
