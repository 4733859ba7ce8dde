"""What PostgreSQL's planner makes of the hot queries in a house that holds a while of events."""

import re

import pytest
from sqlalchemy import event, text

from benchmarks import _store_filling as filling
from benchmarks._store_questions import QUESTIONS
from hsid.store import cameras
from hsid.store.database import open_database, open_read_only
from tests.unit.store.test_query_plans import QUERIES

EVENTS = 8_000
QUICK = QUESTIONS.keys() - {"counts of a label's week"}
"""Without that for which the events of this small house are best read through."""
HOT = QUERIES.keys() - {"arrivals"}
"""Without what counts all uploads that are kept, once a round of retention."""
LARGE = ("uploads", "detections", "batches", "events", "event_labels", "dedupe")

CLAIMS = """
    INSERT INTO dedupe (camera_id, sha256, upload_id, claimed_at)
    SELECT camera_id, sha256, id, received_at FROM uploads
"""


@pytest.fixture(scope="module")
def house(postgres):
    """A database of 8,000 events with 80,000 detections, that the server has had a look at."""
    url = postgres.create_database("house_with_a_past", template="prepared")
    with open_database(url) as database, database.transaction() as conn:
        cameras.ensure(conn, "gate")
    filling.fill(url, 0, EVENTS)
    with open_database(url) as database, database.transaction() as conn:
        conn.execute(text(CLAIMS))
        conn.execute(text("ANALYZE dedupe"))
    yield url
    postgres.drop_database("house_with_a_past")


def plans_of(conn, work):
    """Return the plan of each statement that *work* executes, for its values."""
    statements = []

    def note(_conn, _cursor, statement, parameters, _context, many):
        statements.append((statement, parameters[0] if many else parameters))

    event.listen(conn, "before_cursor_execute", note)
    work()
    event.remove(conn, "before_cursor_execute", note)
    explain = ((f"EXPLAIN {statement}", values) for statement, values in statements)
    return ["\n".join(conn.exec_driver_sql(*each).scalars()) for each in explain]


def scanned(plans):
    """Return which of the large tables are read through."""
    return [name for plan in plans for name in LARGE if re.search(rf"Seq Scan on {name}\b", plan)]


@pytest.mark.parametrize("name", sorted(QUICK))
def test_no_question_about_events_reads_a_table_through(house, name):
    """Each page, each filter, each combination of them, and the counts of some time."""
    with open_read_only(house) as database, database.snapshot() as conn:
        plans = plans_of(conn, lambda: QUESTIONS[name](conn, EVENTS))
    assert plans
    assert scanned(plans) == [], plans


@pytest.mark.parametrize("name", sorted(HOT))
def test_nothing_that_runs_for_every_upload_or_batch_reads_a_table_through(house, name):
    """The same work as with SQLite, planned by what is stored."""
    with open_database(house) as database, database.transaction() as conn:
        nested = conn.begin_nested()
        plans = plans_of(conn, lambda: QUERIES[name](conn))
        nested.rollback()
    assert plans
    assert scanned(plans) == [], plans
