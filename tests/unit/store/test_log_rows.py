"""The log in the store: written in groups, read latest first, page by page."""

import logging
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from hsid.observe.logging_database import LogLine
from hsid.store import logs
from hsid.store.logs import LogPosition, LogQuery
from hsid.store.schema import logs as table
from tests.unit.store.records import at

ALL = LogQuery()


def line(seconds=0, level=logging.INFO, logger="hsid.test", event="happened", **fields):
    return LogLine(at(seconds), level, logger, event, fields)


def found(conn, query=ALL, limit=100, before=None):
    return [each.line.event for each in logs.search(conn, query, limit, before)]


def test_a_line_comes_back_as_it_was(conn):
    """With its fields, whatever JSON type they have."""
    written = line(camera_id="yard", event_id=7, duration_ms=4.5, parts=[1, {"a": None}], yes=True)
    logs.record(conn, [written])
    (stored,) = logs.search(conn, ALL, 10)
    assert stored.line == written


def test_the_latest_line_comes_first(conn):
    """Of two of one moment the one that was stored later."""
    logs.record(conn, [line(1, event="b"), line(0, event="a"), line(1, event="c")])
    assert found(conn) == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("query", "events"),
    [
        (LogQuery(level=logging.WARNING), ["bad", "odd"]),
        (LogQuery(logger="actors"), ["bad", "seen"]),
        (LogQuery(logger="actors.watcher"), ["bad"]),
        (LogQuery(logger="actor"), []),
        (LogQuery(logger="actors_"), []),
        (LogQuery(camera_id="yard"), ["bad", "seen"]),
        (LogQuery(camera_id="nowhere"), []),
        (LogQuery(since=at(1), until=at(3)), ["odd", "seen"]),
        (LogQuery(level=logging.ERROR, camera_id="gate"), []),
        (LogQuery(level=logging.ERROR, camera_id="yard", logger="actors", since=at(2)), ["bad"]),
    ],
)
def test_lines_are_found_by_level_logger_camera_and_time(conn, query, events):
    """A level means that one and worse, a logger means those below it, too."""
    logs.record(
        conn,
        [
            line(0, event="started"),
            line(1, logger="actors.detector", event="seen", camera_id="yard"),
            line(2, logging.WARNING, event="odd", camera_id="gate"),
            line(3, logging.ERROR, "actors.watcher", "bad", camera_id="yard"),
        ],
    )
    assert found(conn, query) == events


def test_a_text_that_no_database_keeps_is_cleaned(conn):
    """A library's logger may have any name."""
    logs.record(conn, [line(logger="a\0b", event="c\0d")])
    (stored,) = logs.search(conn, LogQuery(logger="a\0b"), 10)
    assert stored.line.event == "c\N{REPLACEMENT CHARACTER}d"


def test_nothing_to_record_is_no_error(conn):
    """An idle daemon logs nothing."""
    logs.record(conn, [])
    assert found(conn) == []


def test_a_page_goes_on_where_the_line_before_it_was_deleted(conn):
    """Retention takes the oldest lines while somebody reads."""
    logs.record(conn, [line(number, event=str(number)) for number in range(6)])
    page = logs.search(conn, ALL, 2)
    conn.execute(delete(table).where(table.c.id == page[-1].id))
    assert found(conn, limit=2, before=page[-1].position) == ["3", "2"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.integers(0, 5), max_size=20), st.integers(1, 7))
def test_pages_show_each_line_once_and_in_order(conn, seconds, limit):
    """However many were logged at one moment."""
    conn.execute(delete(table))
    logs.record(conn, [replace(line(second), event=str(second)) for second in seconds])
    pages, before = [], None
    while page := logs.search(conn, ALL, limit, before):
        pages += page
        before = page[-1].position
    assert len({each.id for each in pages}) == len(seconds)
    positions = [(each.line.recorded_at, each.id) for each in pages]
    assert positions == sorted(positions, reverse=True)


def test_a_position_is_made_of_what_a_reader_has(conn):
    """A cursor can be written down and read again by another process."""
    logs.record(conn, [line(0, event="a"), line(1, event="b")])
    (latest,) = logs.search(conn, ALL, 1)
    assert found(conn, before=LogPosition(at(1), latest.id)) == ["a"]
