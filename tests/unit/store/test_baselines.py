"""Baselines: what a camera saw in an hour of the week, each batch counted once."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsid.ai.usual import ENOUGH_WEEKS, usual_per_day
from hsid.batching import CloseBatch, ReopenBatch, StartBatch
from hsid.model import Baseline, EventState, HourOfWeek
from hsid.store import baselines, batches, cameras, events
from tests.unit.store.records import LEVEL, at, sight, verdict

MONDAY = datetime(2026, 3, 2, 7, 59, tzinfo=UTC)
SEVEN = HourOfWeek.of(MONDAY)


@pytest.fixture
def conn(conn):
    for camera in ("gate", "yard"):
        cameras.ensure(conn, camera)
    return conn


def in_week(number, hour=SEVEN):
    return HourOfWeek(hour.hour, hour.week + number)


def judge(conn, batch_id, upload_ids, *, revision=1):
    """Store a verdict and count, as the analyzer does."""
    new = baselines.not_counted(conn, batch_id, upload_ids)
    batch = batches.get(conn, batch_id)
    stored = events.store_verdict(
        conn,
        batch,
        verdict(),
        revision=revision,
        level=LEVEL,
        state=EventState.FINAL,
        upload_ids=upload_ids,
    )
    if stored is not None:
        baselines.count(conn, batch.camera_id, new, SEVEN)


def people(conn):
    """Return how many batches with a person were counted, seen from the week after."""
    return baselines.get(conn, "gate", "person", in_week(1)).times


def test_the_hours_of_a_week_go_from_monday_to_sunday():
    """The week changes where Monday begins, over the end of a year as well."""
    sunday, monday = datetime(2028, 1, 2, 23, 59), datetime(2028, 1, 3)  # noqa: DTZ001 - a clock's
    assert SEVEN.hour == 7
    assert HourOfWeek.of(sunday).hour == 167
    assert HourOfWeek.of(monday) == HourOfWeek(0, HourOfWeek.of(sunday).week + 1)


@given(st.datetimes())
def test_a_week_has_168_hours_each_once(moment):
    """An hour later is the next hour, a week later the same one."""
    now = HourOfWeek.of(moment)
    assert 0 <= now.hour < 168
    if moment < datetime(9999, 12, 20):  # noqa: DTZ001 - likewise
        later = HourOfWeek.of(moment + timedelta(hours=1))
        assert later.week * 168 + later.hour == now.week * 168 + now.hour + 1


def test_a_batch_counts_once_however_many_pictures_it_has(conn):
    """Somebody who stays is not many."""
    seen = [sight(conn, number, seconds=number, count=2) for number in range(3)]
    batches.apply(conn, "gate", [StartBatch("b1", tuple(seen), at(0), at(2)), CloseBatch("b1", 1)])
    judge(conn, "b1", seen)
    assert people(conn) == 1


def test_a_redelivered_verdict_counts_nothing(conn):
    """The same verdict twice, or one on a later revision, has one effect on the counts."""
    first = sight(conn, 1)
    batches.apply(conn, "gate", [StartBatch("b1", (first,), at(0), at(0)), CloseBatch("b1", 1)])
    judge(conn, "b1", [first])
    judge(conn, "b1", [first])
    second = sight(conn, 2, seconds=5)
    reopen = ReopenBatch("b1", (second,), at(0), at(5))
    batches.apply(conn, "gate", [reopen, CloseBatch("b1", 2)])
    judge(conn, "b1", [first, second], revision=2)
    assert people(conn) == 1


def test_only_what_a_verdict_is_about_is_counted_with_it(conn):
    """What a batch took in meanwhile is counted with its own verdict, once that is stored."""
    first, second = sight(conn, 1), sight(conn, 2, seconds=5)
    start = StartBatch("b1", (first, second), at(0), at(5))
    batches.apply(conn, "gate", [start, CloseBatch("b1", 1)])
    assert baselines.not_counted(conn, "b1", [first]) == {"person"}
    assert baselines.not_counted(conn, "b1", []) == set()


def test_the_week_in_question_has_no_part_in_its_own_measure(conn):
    """Whoever comes three times within an hour is no more usual the third time."""
    for week in (0, 1, 1, 1):
        baselines.count(conn, "gate", ["person"], in_week(week))
    get = partial(baselines.get, conn, "gate", "person")
    assert get(in_week(1)) == Baseline(times=1, weeks=1)
    assert get(in_week(2)) == Baseline(times=4, weeks=2)


def test_what_arrives_late_counts_for_its_own_week(conn):
    """An earlier week is added to, and the latest stays the latest."""
    for week in (2, 1, 2):
        baselines.count(conn, "gate", ["person"], in_week(week))
    assert baselines.get(conn, "gate", "person", in_week(2)) == Baseline(times=1, weeks=1)
    assert baselines.get(conn, "gate", "person", in_week(3)) == Baseline(times=3, weeks=2)


def test_classes_hours_and_cameras_are_counted_apart(conn):
    """A week in which anything was seen is a week in which the rest was not."""
    baselines.count(conn, "gate", ["cat", "car"], SEVEN)
    next_week = in_week(1)
    assert baselines.get(conn, "gate", "cat", next_week) == Baseline(1, 1)
    assert baselines.get(conn, "gate", "person", next_week) == Baseline(0, 1)
    eight = HourOfWeek(next_week.hour + 1, next_week.week)
    assert baselines.get(conn, "gate", "cat", eight) == Baseline(0, 1)
    assert baselines.get(conn, "yard", "cat", next_week) == Baseline(0, 0)


@pytest.mark.parametrize("weeks", range(ENOUGH_WEEKS))
def test_too_few_weeks_say_nothing(weeks):
    """Not known is not never."""
    assert usual_per_day(Baseline(times=0, weeks=weeks)) is None
    assert usual_per_day(Baseline(times=9, weeks=weeks)) is None


@settings(max_examples=50)
@given(st.integers(0, 999), st.integers(ENOUGH_WEEKS, 999))
def test_with_enough_weeks_it_is_the_times_a_week(times, weeks):
    """And more often seen is more usual."""
    assert usual_per_day(Baseline(times, weeks)) == pytest.approx(times / weeks)
    assert usual_per_day(Baseline(times + 1, weeks)) > usual_per_day(Baseline(times, weeks))
