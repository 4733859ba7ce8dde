"""Lines on their way into the database: bounded, counted, and never about themselves."""

import logging
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.observe.logging import bind_ids, get_logger
from hsid.observe.logging_database import DatabaseHandler, LineBacklog, LogLine
from tests.unit.observe.log_rig import drop_handlers_of_pytest
from tests.unit.store.records import NOON


def line(number=0):
    return LogLine(NOON, logging.INFO, "hsid.test", "happened", {"number": number})


def numbers(lines):
    return [each.fields["number"] for each in lines]


@pytest.fixture
def backlog(quiet_root):
    """Where the lines of the root logger end."""
    backlog = LineBacklog()
    quiet_root.addHandler(DatabaseHandler("DEBUG", backlog))
    quiet_root.setLevel(logging.DEBUG)
    return backlog


def test_a_line_keeps_its_fields_apart(backlog):
    """What belongs to it can be asked for by name, ids that are bound included."""
    with bind_ids(request_id="r1", event_id=7):
        get_logger("hsid.test").warning("seen", camera_id="yard", detection_id=3, duration_ms=4.5)
    (written,) = backlog.take(10)
    assert (written.level, written.logger, written.event) == (30, "hsid.test", "seen")
    assert written.fields == {
        "request_id": "r1",
        "event_id": 7,
        "camera_id": "yard",
        "detection_id": 3,
        "duration_ms": 4.5,
    }
    assert written.recorded_at.utcoffset().total_seconds() == 0


def test_lines_below_the_level_are_left_out(backlog, quiet_root):
    """The file may tell more than the database."""
    quiet_root.handlers[0].setLevel("WARNING")
    logging.getLogger("hsid.test").info("little")
    assert len(backlog) == 0


@pytest.mark.parametrize("name", ["actors.log_writer", "sqlalchemy.engine.Engine", "psycopg.pool"])
def test_what_storing_lines_causes_is_no_line_to_store(name, backlog):
    """It would never end: each line stored would be another one to store."""
    logging.getLogger(name).error("about a line")
    logging.getLogger(f"{name.partition('.')[0]}x").error("of somebody else")
    assert [each.event for each in backlog.take(10)] == ["of somebody else"]


def test_a_line_that_json_can_not_hold_is_replaced(backlog):
    """Otherwise it would take with it whatever is stored together with it."""
    drop_handlers_of_pytest()
    get_logger("hsid.test").info("odd", value=10**5000)
    (written,) = backlog.take(10)
    assert (written.event, written.fields["error"]) == ("log_line_lost", "ValueError")


@pytest.mark.parametrize(("most_lines", "most_characters"), [(3, 1000), (1000, 30)])
def test_the_oldest_give_way_and_are_counted(most_lines, most_characters):
    """By number and by size: a store that is away for a day costs no memory."""
    backlog = LineBacklog(most_lines, most_characters)
    for number in range(10):
        backlog.add(line(number), 10)
    assert (len(backlog), backlog.dropped) == (3, 7)
    assert numbers(backlog.take(10)) == [7, 8, 9]


def test_what_is_put_back_comes_first_again():
    """The order of the log survives a store that was away."""
    backlog = LineBacklog()
    for number in range(4):
        backlog.add(line(number), 1)
    backlog.take(2)
    backlog.put_back()
    assert numbers(backlog.take(10)) == [0, 1, 2, 3]


def test_what_can_not_be_stored_is_given_up_and_counted():
    """Once: a later return has nothing to return."""
    backlog = LineBacklog()
    backlog.add(line(), 1)
    backlog.take(1)
    backlog.give_up()
    backlog.put_back()
    assert (len(backlog), backlog.dropped) == (0, 1)


@given(st.lists(st.sampled_from(["add", "take", "put_back", "give_up"]), max_size=100))
def test_every_line_waits_is_stored_or_counted_as_dropped(steps):
    """None gets lost between, in whatever order things happen."""
    backlog, added, stored, taken = LineBacklog(5, 1000), 0, 0, 0
    for step in steps:
        if step == "add":
            backlog.add(line(added), 1)
            added += 1
        elif step == "take":
            stored += taken
            taken = len(backlog.take(3))
        else:
            getattr(backlog, step)()
            taken = 0
    assert added == len(backlog) + stored + taken + backlog.dropped
    assert len(backlog) <= 5
    assert backlog._characters == len(backlog)


def test_threads_add_while_another_takes(backlog):
    """No line is lost or doubled between them."""
    threads = [Thread(target=_log_many, args=(name,)) for name in "abcd"]
    taken = []
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads) or len(backlog):
        taken += backlog.take(7)
    assert len(taken) == 4 * 200
    assert len({(each.event, each.fields["number"]) for each in taken}) == 4 * 200


def _log_many(name):
    for number in range(200):
        logging.getLogger("hsid.test").info(name, extra={"number": number})
