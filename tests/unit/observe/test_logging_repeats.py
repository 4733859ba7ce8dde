"""What is warned of again and again is told once, and then how often; nothing is left uncounted."""

import json
import logging
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.observe.logging_repeats import (
    FIRST_INTERVAL,
    LONGEST_INTERVAL,
    MOST_KEPT,
    QUIET,
    RepeatFilter,
    Repeats,
)
from tests.unit.observe.conftest import attach

HOUR = 3600


class Clock:
    """The time as the test says."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def repeats(quiet_root, clock):
    """A filter on the one handler that there is."""
    log = attach(quiet_root, is_json=True)
    log.filter = RepeatFilter(clock)
    quiet_root.handlers[-1].addFilter(log.filter)
    return log


def told(log):
    return [json.loads(line) for line in log.lines]


def counted(log):
    """Return for how many lines those stand that were told."""
    return sum(line.get("repeated", 1) for line in told(log))


def test_an_outage_of_an_hour_is_a_handful_of_lines(repeats, clock):
    """A warning each second: the first at once, then how many, at intervals that grow."""
    for clock.now in range(HOUR):
        repeats.warning("database_unavailable", error=f"no answer in {clock.now} ms")
        repeats.filter.tell_due()
    numbers = [line.get("repeated") for line in told(repeats)]
    assert numbers[:5] == [None, 10, 20, 40, 80]
    assert len(numbers) <= 14
    repeats.filter.tell_all()
    assert counted(repeats) == HOUR


def test_the_last_of_an_outage_is_told_when_it_is_over(repeats, clock):
    """It is what counts afterwards, and nobody comes after it to tell of it."""
    for clock.now, error in enumerate(["refused", "refused", "refused"]):
        repeats.warning("database_unavailable", error=error, tries=clock.now)
    assert len(told(repeats)) == 1
    clock.now = FIRST_INTERVAL
    repeats.filter.tell_due()
    assert told(repeats)[1]["repeated"] == 2
    assert told(repeats)[1]["tries"] == 2


def test_after_a_quiet_time_the_same_is_news_again(repeats, clock):
    """A second outage is told at once, however long the first one was."""
    for clock.now in range(HOUR):
        repeats.warning("away")
        repeats.filter.tell_due()
    clock.now += QUIET + 1
    repeats.filter.tell_due()
    before = len(told(repeats))
    repeats.warning("away")
    assert len(told(repeats)) == before + 1
    assert "repeated" not in told(repeats)[-1]
    assert counted(repeats) == HOUR + 1


@pytest.mark.parametrize(
    "lines",
    [
        [("upload_refused", {"upload_id": 1}), ("upload_refused", {"upload_id": 2})],
        [("a", {"error": "timed out"}), ("a", {"error": "refused"})],
        [("a", {"path": "1.jpg"}), ("a", {"path": "2.jpg"})],
        [("a", {}), ("b", {})],
    ],
)
def test_lines_that_say_different_things_are_all_told(repeats, lines):
    """Another upload, another error, another file: none is a repeat."""
    for event, fields in lines:
        repeats.warning(event, **fields)
    assert len(repeats.lines) == len(lines)


def test_how_often_and_how_long_makes_no_other_line(repeats):
    """Pauses grow and tries are counted while it is the same that fails."""
    for tries in range(5):
        repeats.error("commit_failed", tries=tries, pause=2.0**tries, error=f"try {tries}")
    assert len(repeats.lines) == 1


def test_what_is_no_warning_is_never_held_back(repeats):
    """The everyday lines are few, or were asked for."""
    for _ in range(5):
        repeats.info("upload_settled")
    assert len(repeats.lines) == 5


def test_a_line_is_held_back_from_every_handler_or_from_none(repeats, quiet_root, tmp_path):
    """However many there are, each line counts once."""
    handler = logging.FileHandler(tmp_path / "a.log")
    handler.addFilter(repeats.filter)
    quiet_root.addHandler(handler)
    for _ in range(3):
        repeats.warning("away")
    repeats.filter.tell_all()
    assert [line.get("repeated") for line in told(repeats)] == [None, 2]
    assert len((tmp_path / "a.log").read_text().splitlines()) == 2


def test_a_line_told_late_holds_no_exception_alive(repeats, clock):
    """Only its text is kept: frames would keep pictures in memory."""
    for _ in range(2):
        repeats.error("crashed", exc_info=ValueError("bad"))
    repeats.filter.tell_all()
    assert "ValueError: bad" in told(repeats)[1]["exception"]
    assert told(repeats)[1]["repeated"] == 1


STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.floats(0, 300), st.booleans()), min_size=1, max_size=200
)


@given(STEPS)
def test_each_line_is_counted_exactly_once(steps):
    """Whenever they come, whichever they are, and however rarely anybody asks what is due."""
    repeats, now, counts = Repeats(), 0.0, {}
    for key, gap, is_asked in steps:
        now += gap
        counts[key] = counts.get(key, 0) + repeats.note(key, key, now)
        for line, count in repeats.take_due(now) if is_asked else ():
            counts[line] += count
    for line, count in repeats.take_all():
        counts[line] += count
    assert counts == {key: sum(key == each for each, _, _ in steps) for key in counts}


@given(st.lists(st.floats(0, QUIET), max_size=500))
def test_between_two_lines_told_there_is_an_interval(gaps):
    """So their number is bounded by the time that goes by, whatever comes in it."""
    repeats, now, times = Repeats(), 0.0, []
    for gap in gaps:
        now += gap
        times += [now] * bool(repeats.note("a", "a", now))
        times += [now] * len(repeats.take_due(now))
    assert all(b - a >= FIRST_INTERVAL for a, b in pairwise(times))


@given(st.floats(0.1, 60))
def test_nothing_waits_longer_than_the_longest_interval(gap):
    """Who looks into the log learns within ten minutes that it goes on."""
    repeats, now, last = Repeats(), 0.0, 0.0
    while now < 2 * HOUR:
        now += gap
        if repeats.note("a", "a", now) or repeats.take_due(now):
            last = now
        assert now - last <= LONGEST_INTERVAL + gap


def test_memory_is_bounded_and_what_gives_way_is_told():
    """A thousand different warnings do not grow it, and none is lost."""
    repeats = Repeats()
    repeats.note("first", "first", 0)
    repeats.note("first", "first", 1)
    for number in range(MOST_KEPT):
        repeats.note(number, number, 2)
    assert len(repeats._stories) == MOST_KEPT
    assert repeats.take_due(2) == [("first", 1)]
