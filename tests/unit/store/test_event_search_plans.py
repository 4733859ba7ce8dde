"""What finding events costs on SQLite: the plans, whose planner goes by the schema alone."""

import re

import pytest
from sqlalchemy import event

from hsid.model import EventState, Severity
from hsid.store import labels, words
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


@pytest.mark.parametrize("query", [{}, {"camera_id": "gate"}, {"label": "person"}])
def test_rare_words_lead_to_their_events(conn, query):
    """By the index of words; what they lead to is put in order."""
    make(conn, 1)
    look, page = plans_of(conn, lambda: found(conn, 9, words="gate", **query))
    assert look == ["SCAN event_words VIRTUAL TABLE INDEX 0:M1"]
    assert [line for line in page if line.startswith("SEARCH events USING INTEGER PRIMARY KEY")]
    assert not [line for line in page if re.fullmatch(r"SCAN (events|event_labels)", line)], page


@pytest.mark.parametrize("name", QUERIES)
def test_for_frequent_words_the_page_is_a_walk(conn, monkeypatch, name):
    """The same as without words, and the index of all words is only asked how many there are."""
    monkeypatch.setattr(words, "_FEW", 0)
    make(conn, 1)
    look, *pages = plans_of(conn, lambda: found(conn, 9, words="gate", **QUERIES[name]))
    assert look == ["SCAN event_words VIRTUAL TABLE INDEX 0:M1"]
    for page in pages:
        assert "USE TEMP B-TREE FOR ORDER BY" not in page
        assert not [line for line in page if "event_words" in line]


@pytest.mark.parametrize("rare", [True, False])
def test_a_label_that_is_rare_is_walked_along_whatever_else_is_asked(conn, monkeypatch, rare):
    """One that is frequent is only looked up for the events of the camera."""
    monkeypatch.setattr(labels, "_FEW", 9 if rare else 0)
    make(conn, 1)
    *_, page = plans_of(conn, lambda: found(conn, 9, label="person", camera_id="gate"))
    assert ("event_labels USING COVERING" in page[0]) is rare, page
    assert "USE TEMP B-TREE FOR ORDER BY" not in page


@pytest.mark.parametrize("frequent", [True, False])
def test_counting_a_time_reads_no_more_than_that_time(conn, monkeypatch, frequent):
    """Not an index of all events because it has the cameras in order."""
    monkeypatch.setattr(words, "_FEW", 0 if frequent else 9)
    make(conn, 1)
    query = EventQuery(since=NOON, words="gate" if frequent else None)
    plans = plans_of(conn, lambda: statistics(conn, query, UTC))
    counting = [plan for plan in plans if "USE TEMP B-TREE FOR GROUP BY" in plan]
    assert len(counting) == 3
    assert all("started_at>?" in plan[0] for plan in counting), plans


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
