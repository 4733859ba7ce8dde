"""Stars and the record of changes, on both databases."""

import pytest
from sqlalchemy import delete, select

from hsid.store import audit, schema, stars
from hsid.store.schema import events
from hsid.store.search import EventQuery, search
from tests.unit.store.records import NOON
from tests.unit.store.test_event_search import make


def changes(conn):
    return conn.execute(select(schema.audit).order_by(schema.audit.c.id)).all()


def test_a_star_is_given_once_and_taken_once(conn):
    """Each answer says whether anything changed."""
    event_id = make(conn, 0)
    assert [stars.star(conn, event_id), stars.star(conn, event_id)] == [True, False]
    assert stars.starred(conn, [event_id, 99]) == {event_id}
    assert [stars.unstar(conn, event_id), stars.unstar(conn, event_id)] == [True, False]
    assert stars.starred(conn, [event_id]) == set()


def test_an_event_that_is_not_there_gets_no_star(conn):
    """Nothing is changed, and the attempt is recorded with its reason."""
    assert stars.change(conn, 99, is_starred=True, by="test") is None
    assert conn.execute(select(schema.stars)).all() == []
    (row,) = changes(conn)
    assert (row.target, row.error) == ("event:99", "there is no event 99")


def test_to_take_a_star_that_was_never_given_is_no_fault(conn):
    """The event is there, and has no star afterwards: that is what was asked for."""
    event_id = make(conn, 0)
    assert stars.change(conn, event_id, is_starred=False, by="test") is False
    assert changes(conn)[0].error is None


def test_a_star_goes_with_its_event(conn):
    """No star of an event long gone falls to a later one of its number."""
    event_id = make(conn, 0)
    stars.star(conn, event_id)
    conn.execute(delete(events).where(events.c.id == event_id))
    assert conn.execute(select(schema.stars)).all() == []


@pytest.mark.parametrize(("is_starred", "expected"), [(None, 5), (True, 2), (False, 3)])
def test_events_are_found_by_their_star(conn, is_starred, expected):
    """Together with the other filters, in the usual order."""
    made = [make(conn, number) for number in range(5)]
    for event_id in made[1:3]:
        stars.star(conn, event_id)
    found = search(conn, EventQuery(camera_id="gate", words="somebody", is_starred=is_starred), 9)
    assert len(found) == expected
    assert [event.id for event in found] == sorted((event.id for event in found), reverse=True)


def test_what_no_database_could_keep_is_cleaned_in_the_record(conn):
    """Text comes from whoever asks."""
    audit.record(conn, "a\0b", "event.star", "x\ud800", {"words": "\0", "count": 1}, "e\0")
    (row,) = changes(conn)
    assert (row.actor, row.target, row.details["count"]) == ("a\ufffdb", "x\ufffd", 1)
    assert "\0" not in row.error + row.details["words"]
    assert row.recorded_at > NOON
