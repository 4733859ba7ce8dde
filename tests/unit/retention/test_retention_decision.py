"""What may go: properties that hold for every store, every limit and every clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.model import FileVersion, UploadState
from hsid.retention_policy.decision import (
    ALWAYS_KEPT,
    LOOKED_AT,
    Case,
    CaseChooser,
    FileFate,
    LedgerRow,
    Limits,
    OwnFile,
    Reason,
    RowAction,
    Situation,
    judge_row,
)
from hsid.retention_policy.planning import make_plan
from hsid.retention_policy.shares import shares

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10_000))
AGES = st.floats(0, 100).map(lambda days: timedelta(days=days))
STATES = st.sampled_from(list(UploadState))
LIMITS = st.builds(
    Limits,
    keep_for=st.integers(1, 60).map(lambda days: timedelta(days=days)),
    keep_logs_for=st.integers(1, 60).map(lambda days: timedelta(days=days)),
    repetitions_for=st.integers(0, 7).map(lambda days: timedelta(days=days)),
    max_bytes=st.none() | st.integers(0, 20_000),
    min_free_bytes=st.none() | st.integers(0, 20_000),
    delete_images=st.booleans(),
)
CASES = st.builds(
    Case,
    batch_id=st.just("b"),
    camera_id=st.just("a"),
    is_open=st.booleans(),
    states=st.frozensets(STATES, min_size=1),
    newest_arrival=AGES.map(lambda age: NOW - age),
    size=st.integers(1, 1_000),
    is_starred=st.booleans(),
)
ROWS = st.builds(
    LedgerRow,
    id=st.just(1),
    camera_id=st.just("a"),
    version=st.just(FileVersion("a/1.jpg", 1, 1, 1)),
    state=STATES,
    received_at=AGES.map(lambda age: NOW - age),
    is_bare=st.booleans(),
    has_detections=st.booleans(),
)
FATES = st.sampled_from(list(FileFate))


def situation(**changes):
    values = {
        "now": NOW,
        "first_arrival": NOW - timedelta(days=200),
        "oldest_capture": NOW - timedelta(days=200),
        "has_forgotten": False,
        "database_bytes": 10_000,
        "spare_bytes": 0,
        "returns_space": True,
        "free_bytes": 10_000,
        "histories": {"a": 6_000, "b": 1_000},
        "logs": (),
    }
    return Situation(**values | changes)


def log(number, *, days, size=100):
    return OwnFile(Path(f"security.log.{number}"), number, size, NOW - timedelta(days=days))


@given(LIMITS, st.lists(CASES), SIZES)
def test_no_case_goes_that_waits_or_has_a_star_or_is_younger_than_every_limit(
    limits, cases, histories
):
    """Whatever room is wanted: what is open, pending or of today stays, and age keeps its word."""
    plan = make_plan(limits, situation(histories=histories))
    chooser = CaseChooser(plan, "a")
    for case in sorted(cases, key=lambda each: each.newest_arrival):
        is_in_reach = case.newest_arrival < chooser.before
        reason = chooser.choose(case)
        if reason is None:
            continue
        assert is_in_reach
        assert not case.is_open
        assert not case.is_starred
        assert all(state.is_end for state in case.states)
        limit = limits.keep_for if reason is Reason.AGE else min(ALWAYS_KEPT, limits.keep_for)
        assert NOW - case.newest_arrival > limit
        if limits.max_bytes is None and limits.min_free_bytes is None:
            assert reason is Reason.AGE


@given(LIMITS, ROWS, FATES, st.booleans())
def test_no_row_changes_that_is_young_or_waits_or_still_has_detections(limits, row, fate, goes):
    """Age is that of the arrival; a row without its end is not touched, nor is its file."""
    action = judge_row(row, fate, make_plan(limits, situation()), case_goes=goes)
    if action is RowAction.KEEP:
        return
    assert row.state.is_end
    assert NOW - row.received_at > limits.keep_for
    assert goes or not row.has_detections


@given(LIMITS, ROWS, FATES, st.booleans())
def test_a_row_is_forgotten_only_when_its_file_is_gone_and_no_repetition_can_name_it(
    limits, row, fate, goes
):
    """Else a later scan would take an old picture for a new one."""
    action = judge_row(row, fate, make_plan(limits, situation()), case_goes=goes)
    if action is RowAction.FORGET:
        assert fate is FileFate.GONE
        assert NOW - row.received_at > limits.repetitions_for


@given(LIMITS, ROWS, FATES, st.booleans())
def test_a_cameras_file_goes_only_where_that_is_asked_for_and_it_was_looked_at(
    limits, row, fate, goes
):
    """Never one that was refused, given up on, or can't be seen."""
    action = judge_row(row, fate, make_plan(limits, situation()), case_goes=goes)
    if action is RowAction.DELETE_FILE:
        assert limits.delete_images
        assert row.state in LOOKED_AT
        assert fate is FileFate.PRESENT


@given(LIMITS)
def test_an_empty_store_gives_nothing_and_says_so(limits):
    """A lost database must not take the logs and the pictures along."""
    plan = make_plan(limits, situation(first_arrival=None, logs=[log(1, days=99)]))
    assert plan.standstill == "the store is empty: nothing is deleted"
    assert (plan.logs, dict(plan.gives)) == ((), {})


@given(st.integers(1, 29), st.booleans())
def test_a_store_that_is_younger_than_the_pictures_it_found_gives_nothing(age, is_short):
    """It may have replaced a lost one; from its own age on it is as any other."""
    limits = Limits(timedelta(days=30), timedelta(days=7), max_bytes=1 if is_short else None)
    first = NOW - timedelta(days=age)
    young = situation(first_arrival=first, oldest_capture=first - timedelta(days=2))
    assert "younger than the pictures" in make_plan(limits, young).standstill
    old = situation(first_arrival=NOW - timedelta(days=30), oldest_capture=NOW - timedelta(days=99))
    assert make_plan(limits, old).standstill is None


def test_a_store_that_has_forgotten_its_first_rows_is_not_young():
    """Its oldest row is of yesterday's limit, always."""
    limits = Limits(timedelta(days=30), timedelta(days=7))
    first = NOW - timedelta(days=29)
    seen = situation(first_arrival=first, oldest_capture=first - timedelta(9), has_forgotten=True)
    assert make_plan(limits, seen).standstill is None


@given(SIZES, st.integers(-5, 80_000))
def test_shares_bring_the_need_together_and_spare_the_small(sizes, need):
    """Nobody gives more than it has, and nobody gives who has less than another one keeps."""
    gives = shares(sizes, need)
    kept = {camera: size - gives.get(camera, 0) for camera, size in sizes.items()}
    assert all(0 < gives[camera] <= sizes[camera] for camera in gives)
    assert sum(gives.values()) >= min(max(0, need), sum(sizes.values()))
    assert sum(gives.values()) < max(0, need) + max(1, len(sizes))
    level = max(kept.values(), default=0)
    assert all(kept[camera] == level for camera in gives)


def test_room_is_made_by_old_logs_first_and_then_by_the_busy_camera():
    """The excess of 2,000 bytes: two logs of 100 and 1,800 of the camera that has most."""
    limits = Limits(timedelta(days=30), timedelta(days=7), max_bytes=8_200)
    logs = [log(1, days=1), log(2, days=9)]
    plan = make_plan(limits, situation(logs=logs))
    assert plan.logs == ((logs[1], Reason.AGE), (logs[0], Reason.SIZE))
    assert plan.gives == {"a": 1_800}


@pytest.mark.parametrize(("returns_space", "gives"), [(True, {"a": 500}), (False, {})])
def test_history_goes_for_free_space_only_if_that_makes_any(returns_space, gives):
    """A database that keeps its freed pages would give up everything for nothing."""
    limits = Limits(timedelta(days=30), timedelta(days=7), min_free_bytes=11_000)
    seen = situation(returns_space=returns_space, spare_bytes=500)
    plan = make_plan(limits, seen)
    assert plan.gives == gives
    assert plan.why_given is Reason.SPACE
    assert bool(plan.remarks) is not returns_space
