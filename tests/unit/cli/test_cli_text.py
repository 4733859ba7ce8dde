"""Documents as text for people."""

import re
import time

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.cli import text

UPLOADS = {
    "arrived": 6,
    "analysed": 1,
    "nothing_seen": 1,
    "refused": 2,
    "duplicate": 1,
    "dead": 0,
    "pending": 1,
}


def build_status(**changes):
    document = {
        "version": "1",
        "running": True,
        "pid": 7,
        "uptime_seconds": 5,
        "health": {"state": "ok", "troubles": []},
        "uploads": UPLOADS,
        "refusals": {"empty_file": 2},
        "queues": [],
        "actors": None,
    }
    return document | changes


@given(st.text())
def test_no_character_that_a_terminal_obeys_gets_through(raw):
    """`printable` gives printable characters only."""
    assert text.printable(raw).isprintable()


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]) | st.just(" ")))
def test_ordinary_text_is_left_alone(raw):
    """Letters of all scripts come out as they went in."""
    assert text.printable(raw) == raw


def without_colours(shown):
    """Return *shown* with the words that the table itself colours left plain."""
    for word in text.COLOURS:
        shown = shown.replace(click.style(word, fg=text.COLOURS[word]), word)
    return shown


@given(st.lists(st.tuples(st.text(max_size=9), st.integers(), st.none()), max_size=5))
def test_a_table_has_one_line_for_the_headers_and_one_a_row(rows):
    """Nothing in a cell can break or add a line."""
    lines = text.table(("NAME", "COUNT", "ERROR"), rows).split("\n")

    assert len(lines) == len(rows) + 1
    assert without_colours("".join(lines)).isprintable()


def test_columns_are_aligned_words_left_and_numbers_right():
    """Wide characters count for the two cells that they take."""
    lines = text.table(("NAME", "COUNT"), [("玄関", 5), ("door", 12)]).split("\n")

    assert lines == ["NAME  COUNT", "玄関      5", "door     12"]


def test_levels_are_coloured_without_moving_the_columns():
    """A colour takes no place."""
    row = text.table(("LEVEL", "SUMMARY"), [("high", "x")]).split("\n")[1]

    assert "\x1b[31m" in row
    assert re.sub(r"\x1b\[\d+m", "", row) == "high   x"


def test_the_accounting_names_every_end_and_every_reason():
    """People see the sum and why uploads were refused."""
    shown = text.status(build_status())

    assert "6 arrived = 1 analysed + 1 nothing seen + 2 refused + 1 duplicate + 0 dead" in shown
    assert "2 empty_file" in shown
    assert "ADD UP" not in shown


def test_an_accounting_that_does_not_add_up_is_said_loudly():
    """A lost upload is never hidden in a line of numbers."""
    shown = text.status(build_status(uploads=UPLOADS | {"arrived": 7}))

    assert "DOES NOT ADD UP" in shown


def test_counts_that_are_not_known_are_said_to_be():
    """While the database is away there is no sum, and no alarm about it."""
    unknown = dict.fromkeys(UPLOADS)
    shown = text.status(build_status(uploads=unknown, refusals=None, adds_up=None))

    assert "uploads: unknown" in shown
    assert "ADD UP" not in shown


def test_a_status_from_the_file_says_that_no_daemon_runs():
    """The reader knows where the numbers come from, and nothing is said of anybody's health."""
    shown = text.status(build_status(running=False, health=None))

    assert "no daemon runs" in shown
    assert "health" not in shown


def test_each_trouble_has_a_line_below_the_health():
    """What is wrong comes first, before any number."""
    health = {"state": "degraded", "troubles": ["pipeline/batcher is parked", "and \x1b[2J"]}
    lines = click.unstyle(text.status(build_status(health=health))).splitlines()

    assert lines[2:5] == ["health: degraded", "  pipeline/batcher is parked", "  and \\x1b[2J"]


def test_an_actor_that_is_down_shows_when_it_is_tried_again():
    """And one that an operator paused shows that."""
    actor = {"restarts": 3, "uptime_seconds": None, "last_error": "OSError: no"}
    actors = [
        actor | {"path": "a", "state": "parked", "next_try_seconds": 61, "paused": False},
        actor | {"path": "b", "state": "ready", "next_try_seconds": None, "paused": True},
    ]
    shown = click.unstyle(text.status(build_status(actors=actors))).splitlines()

    assert shown[-2].split("  ")[0] == "a"
    assert "parked" in shown[-2]
    assert "1 min 1 s" in shown[-2]
    assert "ready, paused" in shown[-1]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (3_700, "1 h 1 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_are_shown_in_the_units_that_matter(seconds, shown):
    """At most two units, the largest first."""
    assert text.duration(seconds) == shown


def test_a_time_says_how_far_from_utc_its_clock_is(monkeypatch):
    """The camera's zone, in which the summary speaks, may be another than this machine's."""
    monkeypatch.setenv("TZ", "XYZ-5:30")
    time.tzset()
    try:
        shown = text.local_time_with_offset("2025-03-04T02:13:00.250000Z")
    finally:
        monkeypatch.undo()
        time.tzset()

    assert shown == "2025-03-04 07:43:00+05:30"


def test_an_empty_list_of_events_says_so():
    """Nothing is not an empty line."""
    assert text.events({"events": []}) == "no events"


COUNTED = {
    "total": 3,
    "by_day": {"2026-03-01": 1, "2026-03-02": 2},
    "by_hour": {"7": 2, "17": 1},
    "by_camera": {"ga\x1bte": 3},
    "by_level": {"critical": 1, "low": 2},
}


def test_counts_are_a_table_for_each_way_to_count():
    """Hours as a clock shows them, levels from the lowest to the highest."""
    parts = click.unstyle(text.event_stats(COUNTED)).split("\n\n")

    assert parts[0] == "events: 3"
    assert parts[1].splitlines()[1:] == ["2026-03-01       1", "2026-03-02       2"]
    assert parts[2].splitlines()[1:] == ["07:00       2", "17:00       1"]
    assert parts[3].splitlines()[1:] == ["ga\\x1bte       3"]
    assert [line.split() for line in parts[4].splitlines()[1:]] == [["low", "2"], ["critical", "1"]]


def test_a_house_without_events_has_nothing_to_count():
    """It says so in words."""
    assert text.event_stats({key: {} for key in COUNTED} | {"total": 0}) == "no events"


def build_gpu(**changes):
    document = {
        "number": 0,
        "uuid": "GPU-0",
        "name": "A card",
        "state": "ok",
        "since": "2026-03-01T12:00:00Z",
        "error": None,
        "utilization_ratio": 0.25,
        "memory_used_bytes": 6 << 30,
        "memory_total_bytes": 8 << 30,
        "memory_pressure": "normal",
        "temperature_celsius": 40.0,
        "power_watts": 70.5,
        "recorded_at": "2026-03-01T12:00:00Z",
    }
    return document | changes


def test_cards_are_shown_as_a_table():
    """With units; what a card does not report is a dash."""
    shown = text.status(build_status(gpus=[build_gpu(), build_gpu(name="B", power_watts=None)]))

    headers, first, second = shown.split("\n\n")[-1].split("\n")
    assert headers.split() == ["GPU", "STATE", "SINCE", "BUSY", "MEMORY", "TEMPERATURE", "POWER"]
    assert "25%   6.0 of 8.0 GiB, 75%  40 °C" in first
    assert (first.split()[-2:], second.split()[-1]) == (["70", "W"], "-")


@pytest.mark.parametrize("gpus", [{}, {"gpus": None}, {"gpus": []}])
def test_a_house_without_cards_has_no_table_of_them(gpus):
    """Nor has one whose daemon is older than this program."""
    assert "GPU" not in text.status(build_status(**gpus))


@pytest.mark.parametrize(
    ("outlook", "days", "limit", "words"),
    [
        ("filling", 12.34, "size", "12.3, until retention_max_bytes is taken"),
        ("at_the_limit", 0.0, "space", "none, at the limit: the disk has no more free than"),
        ("steady", None, None, "no end, as much goes by its age as comes"),
        ("unknown", None, None, "unknown, there is too little history"),
    ],
)
def test_the_status_says_how_long_the_room_lasts(outlook, days, limit, words):
    """In words for each outlook, and only where a round has measured it."""
    room = {"used_bytes": 3 << 19, "free_bytes": 5 << 30}
    room |= {"outlook": outlook, "days_left": days, "limit": limit}
    lines = text.status(build_status(retention=room)).splitlines()

    assert lines[-2] == "room: 1.5 MiB used, 5.0 GiB free"
    assert lines[-1].startswith(f"days left at this rate: {words}")
    assert "room" not in text.status(build_status(retention=None))


def test_each_role_that_one_node_at_a_time_has_is_told_with_how_this_node_stands():
    """Who waits for it says so, and a state of a newer daemon is shown as it is."""
    states = ("held", "standing_by", "not_held", "lent")
    since = "2026-11-25T12:00:00Z"
    roles = [{"role": "batcher", "state": state, "since": since} for state in states]
    lines = text.status(build_status(roles=roles)).split("\n\n")[-1].split("\n")

    assert lines[0].split() == ["ROLE", "STATE", "SINCE"]
    assert [line.split("  ")[1] for line in lines[1:]] == [
        "held by this node",
        "standing by: another node has the role",
        "not held, and not asked for at present",
        "lent",
    ]


@pytest.mark.parametrize("roles", [{}, {"roles": None}, {"roles": []}])
def test_a_house_of_one_node_has_no_table_of_roles(roles):
    """Nor has the answer of an older daemon."""
    assert "ROLE" not in text.status(build_status(**roles))
