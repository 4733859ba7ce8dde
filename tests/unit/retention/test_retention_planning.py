"""Who gives how much room, and in which order: logs, backups, log lines, clips, history."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.retention.files import MediaChooser
from hsid.retention_policy.decision import Limits, OwnFile, Reason, Situation
from hsid.retention_policy.planning import make_plan

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SIZES = st.integers(0, 3_000)
FILES = st.lists(st.tuples(st.floats(0, 60), SIZES), max_size=6).map(
    lambda made: [file(n, days=days, size=size) for n, (days, size) in enumerate(made)]
)


def file(number, *, days, size=100):
    return OwnFile(Path(f"file.{number}"), number, size, NOW - days * DAY)


def situation(**changes):
    values = {
        "now": NOW,
        "first_arrival": NOW - 200 * DAY,
        "oldest_capture": None,
        "has_forgotten": False,
        "database_bytes": 10_000,
        "spare_bytes": 0,
        "returns_space": True,
        "free_bytes": 10_000,
        "histories": {"a": 6_000, "b": 1_000},
        "logs": (),
    }
    return Situation(**values | changes)


def limits(**changes):
    return Limits(**{"keep_for": 30 * DAY, "keep_logs_for": 7 * DAY} | changes)


def given_by(plan):
    """Return the bytes that a plan takes, kind by kind."""
    return {
        "logs": sum(each.size for each, _ in plan.logs),
        "backups": sum(each.size for each, _ in plan.backups),
        "lines": plan.log_lines_give,
        "media": sum(plan.media_give.values()),
        "history": sum(plan.gives.values()),
    }


FULL = {
    "logs": [file(1, days=2, size=1_000)],
    "backups": [file(2, days=2, size=1_000)],
    "log_line_bytes": 1_000,
    "media": {(NOW - 3 * DAY).date(): 1_000, (NOW - 2 * DAY).date(): 1_000, NOW.date(): 500},
}


@pytest.mark.parametrize(
    ("too_much", "expected"),
    [
        (0, {}),
        (1, {"logs": 1_000}),
        (1_500, {"logs": 1_000, "backups": 1_000}),
        (2_400, {"logs": 1_000, "backups": 1_000, "lines": 400}),
        (4_400, {"logs": 1_000, "backups": 1_000, "lines": 1_000, "media": 1_400}),
        (5_900, {"logs": 1_000, "backups": 1_000, "lines": 1_000, "media": 2_000, "history": 900}),
    ],
)
def test_room_is_made_by_what_is_missed_least(too_much, expected):
    """Each kind gives as far as the ones before it do not suffice, clips of today nothing."""
    full = situation(**FULL)
    plan = make_plan(limits(max_bytes=full.used_bytes - too_much), full)
    assert {kind: size for kind, size in given_by(plan).items() if size} == expected
    assert plan.missing == 0


def test_everything_that_hsid_writes_counts_against_the_cap():
    """Database, logs with the open one, backups, thumbnails and clips, the starred ones too."""
    full = situation(**FULL, open_log_bytes=70, starred_media_bytes=7)
    assert full.used_bytes == 10_000 + 1_000 + 1_000 + 2_500 + 70 + 7


@given(FILES, FILES, SIZES, st.integers(1, 40_000), st.booleans())
def test_what_is_asked_for_is_given_or_called_missing(logs, backups, lines, most, returns_space):
    """No byte of history more than is needed, and none that can't be given is passed over."""
    full = situation(logs=logs, backups=backups, log_line_bytes=lines, returns_space=returns_space)
    plan = make_plan(limits(max_bytes=most), full)
    too_much = max(0, full.used_bytes - most)
    young = sum(each.size for each in backups if NOW - each.modified_at <= DAY)
    total = sum(given_by(plan).values()) + young
    assert total + plan.missing >= too_much
    if plan.gives:
        assert total < too_much + len(plan.gives)


@given(FILES, SIZES)
def test_a_young_backup_stays_and_nothing_else_goes_for_its_sake(backups, most):
    """It was made just now for a reason, and goes by itself soon."""
    for_backups = situation(backups=backups, database_bytes=most, histories={"a": most})
    plan = make_plan(limits(max_bytes=most), for_backups)
    assert all(NOW - each.modified_at > DAY for each, _ in plan.backups)
    assert plan.gives == {}


def test_a_backup_is_no_way_around_retention_days():
    """What it holds is as old as the rest, and goes no later."""
    old, young = file(1, days=31), file(2, days=29)
    plan = make_plan(limits(), situation(backups=[young, old]))
    assert plan.backups == ((old, Reason.AGE),)


def test_on_a_server_the_floor_takes_files_and_no_rows():
    """A database that keeps its pages would give history up for nothing."""
    full = situation(**FULL, returns_space=False, is_local=False)
    plan = make_plan(limits(min_free_bytes=19_000), full)
    taken = given_by(plan)
    assert (taken["logs"], taken["media"], taken["lines"], taken["history"]) == (1_000, 2_000, 0, 0)
    assert plan.why_given is Reason.SPACE
    assert "would not help" in plan.remarks[0]


@given(st.booleans(), st.booleans(), st.floats(0, 9), st.sampled_from(["jpg", "jpg.part"]))
def test_a_clip_with_a_star_stays_and_one_without_a_batch_has_its_time_of_grace(
    is_there, is_starred, hours, ending
):
    """Without need of room nothing else goes; an unfinished one is of use to nobody."""
    clip = OwnFile(Path(f"batch-x.{ending}"), 1, 10, NOW - timedelta(hours=hours))
    chosen = MediaChooser(make_plan(limits(), situation())).choose(
        clip, is_there=is_there, is_starred=is_starred
    )
    is_of_use = is_there and ending == "jpg"
    goes = not is_starred and not is_of_use and hours > 1
    assert chosen is (Reason.LEFTOVER if goes else None)


def test_a_day_gives_no_more_than_it_has_to():
    """Clips of events that go anyway count; then the first ones of the day, until it is enough."""
    day = (NOW - 3 * DAY).date()
    full = situation(media={day: 1_000}, histories={})
    chooser = MediaChooser(make_plan(limits(max_bytes=full.used_bytes - 250), full))
    clips = [file(n, days=3, size=100) for n in range(5)]
    chosen = [
        chooser.choose(clip, is_there=n != 3, is_starred=n == 0) for n, clip in enumerate(clips)
    ]
    assert chosen == [None, Reason.SIZE, Reason.SIZE, Reason.LEFTOVER, None]
    assert chooser.missing == 0
