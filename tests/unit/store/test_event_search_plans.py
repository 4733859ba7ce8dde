"""What finding events costs on SQLite: the plans, whose planner goes by the schema alone."""

import re

import pytest
from sqlalchemy import event

from hsid.model import EventState, Severity
from hsid.store import words
from hsid.store.search import EventQuery, statistics
from tests.unit.store.records import NOON, at
from tests.unit.store.test_event_search import UTC, found, judge, make


@pytest.fixture
def database_url(tmp_path):
    return f"sqlite:///{tmp_path}/hsid.db"


QUERIES = {
    "all": {},
    "camera": {"camera_id": "gate"},
    "level": {"level": Severity.LOW},
    "label": {"label": "person"},
    "since": {"since": NOON},
    "span": {"since": NOON, "until": at(60)},
    "provisional": {"state": EventState.PROVISIONAL},
    "camera and span": {"camera_id": "gate", "since": NOON, "level": Severity.LOW},
}


def plans_of(conn, work):
    """Return the plan of each statement that *work* executes."""
    statements = []

    def note(_conn, _cursor, statement, parameters, _context, _many):
        statements.append((statement, parameters))

    event.listen(conn, "before_cursor_execute", note)
    work()
    event.remove(conn, "before_cursor_execute", note)
    explain = ((f"EXPLAIN QUERY PLAN {text}", values) for text, values in statements)
    return [[row.detail for row in conn.exec_driver_sql(*each)] for each in explain]


@pytest.mark.parametrize("before", [None, 1])
@pytest.mark.parametrize("name", QUERIES)
def test_a_page_walks_along_an_index_and_sorts_nothing(conn, name, before):
    """The walk is in the order of the page and ends with it; the position is a bound of it."""
    make(conn, 1)
    *_, plan = plans_of(conn, lambda: found(conn, 9, before, **QUERIES[name]))
    assert not [line for line in plan if re.fullmatch(r"SCAN \w+", line)], plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan
    assert before is None or re.search(r"started_at(,event_id\))?<", plan[0]), plan


@pytest.mark.parametrize("query", [{}, {"camera_id": "gate"}])
@pytest.mark.parametrize("few", [0, 9])
def test_words_are_found_by_their_index(conn, monkeypatch, few, query):
    """Rare words lead to their events, put in order; for frequent ones the page is a walk."""
    monkeypatch.setattr(words, "_FEW", few)
    make(conn, 1)
    look, page = plans_of(conn, lambda: found(conn, 9, words="gate", **query))
    assert look == ["SCAN event_words VIRTUAL TABLE INDEX 0:M1"]
    assert ("USE TEMP B-TREE FOR ORDER BY" in page) is bool(few)
    assert not [line for line in page if re.fullmatch(r"SCAN events", line)], page


@pytest.mark.parametrize("query", [{"camera_id": "gate"}, {"since": NOON}, {}])
def test_counting_reads_an_index_and_not_the_table(conn, query):
    """The summaries, the bulk of the rows, are left alone."""
    make(conn, 1)
    plans = plans_of(conn, lambda: statistics(conn, EventQuery(**query), UTC))
    assert not [line for plan in plans for line in plan if re.fullmatch(r"SCAN events", line)]
    assert len(plans) == 3


def test_the_index_of_words_holds_what_the_summaries_hold(conn):
    """FTS5 checks itself against the events: after a change and after a removal."""
    for number in (1, 2):
        make(conn, number, summary="a cat")
    judge(conn, 1, "a dog", revision=2)
    conn.exec_driver_sql("DELETE FROM events WHERE id = 2")
    conn.exec_driver_sql(
        "INSERT INTO event_words (event_words, rank) VALUES ('integrity-check', 1)"
    )
