"""How long the room lasts: by hand in one place, by properties for every house."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.retention_policy.decision import Limits, Situation
from hsid.retention_policy.forecast import Arrivals, Forecast, Limit, Outlook, forecast

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def situation(*, days=10, **changes):
    values = {
        "now": NOW,
        "first_arrival": NOW - days * DAY,
        "oldest_capture": None,
        "has_forgotten": False,
        "database_bytes": 10_000,
        "spare_bytes": 0,
        "returns_space": True,
        "free_bytes": 1_000_000,
        "histories": {},
        "logs": (),
    }
    return Situation(**values | changes)


def limits(**changes):
    return Limits(**{"keep_for": 30 * DAY, "keep_logs_for": 7 * DAY} | changes)


TEN_A_DAY = Arrivals(lately=70, bytes=7_000, kept=100)
"""Of what is kept seven tenths came in the last seven days: 1,000 of 10,000 bytes a day."""


@pytest.mark.parametrize(
    ("changes", "wanted", "expected"),
    [
        ({}, {"max_bytes": 15_000}, Forecast(Outlook.FILLING, 5.0, Limit.SIZE)),
        ({}, {"max_bytes": 30_000}, Forecast(Outlook.FILLING, 20.0, Limit.SIZE)),
        ({}, {"max_bytes": 30_001}, Forecast(Outlook.STEADY)),
        ({}, {"max_bytes": 10_000}, Forecast(Outlook.AT_THE_LIMIT, 0.0, Limit.SIZE)),
        ({}, {}, Forecast(Outlook.STEADY)),
        ({"free_bytes": 3_000}, {}, Forecast(Outlook.FILLING, 3.0, Limit.SPACE)),
        (
            {"free_bytes": 3_000},
            {"min_free_bytes": 1_000, "max_bytes": 15_000},
            Forecast(Outlook.FILLING, 2.0, Limit.SPACE),
        ),
        # 20 days of both, 2,000 bytes each, then 1,000 a day of the cameras' files alone.
        (
            {"free_bytes": 45_000, "has_files_beside": True},
            {},
            Forecast(Outlook.FILLING, 25.0, Limit.SPACE),
        ),
        (
            {"free_bytes": 45_000, "has_files_beside": True},
            {"delete_images": True},
            Forecast(Outlook.STEADY),
        ),
        (
            {"free_bytes": 30_000, "has_files_beside": True, "is_local": False},
            {},
            Forecast(Outlook.FILLING, 30.0, Limit.SPACE),
        ),
        ({"days": 60}, {"max_bytes": 10_001}, Forecast(Outlook.STEADY)),
        ({"days": 1}, {"max_bytes": 10_000}, Forecast(Outlook.UNKNOWN)),
        ({"first_arrival": None}, {"max_bytes": 10_000}, Forecast(Outlook.UNKNOWN)),
    ],
)
def test_the_formula_by_hand(changes, wanted, expected):
    """Room by rate, until what comes is as much as what goes by its age."""
    assert forecast(limits(**wanted), situation(**changes), TEN_A_DAY) == expected


def test_a_quiet_house_lasts_for_ever():
    """Nothing came in the last days, or nothing for as long as things are kept."""
    for kept in (100, 0):
        quiet = Arrivals(lately=0, bytes=0, kept=kept)
        assert forecast(limits(max_bytes=10_001), situation(), quiet).outlook is Outlook.STEADY


ARRIVALS = st.builds(
    lambda lately, bytes_, more: Arrivals(lately, bytes_, lately + more),
    st.integers(0, 10_000),
    st.integers(0, 10**9),
    st.integers(0, 10_000),
)
SITUATIONS = st.builds(
    situation,
    days=st.floats(0, 90),
    database_bytes=st.integers(0, 10**9),
    free_bytes=st.integers(0, 10**9),
    has_files_beside=st.booleans(),
    is_local=st.booleans(),
)


@given(SITUATIONS, ARRIVALS, st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_room_never_lasts_less_long(seen, arrivals, most, more):
    """For the cap and for the disk alike."""
    rank = {Outlook.AT_THE_LIMIT: 0, Outlook.FILLING: 1, Outlook.STEADY: 2}
    small = forecast(limits(max_bytes=most), seen, arrivals)
    large = forecast(limits(max_bytes=most + more), seen, arrivals)
    if Outlook.UNKNOWN in {small.outlook, large.outlook}:
        assert small == large
        return
    assert rank[small.outlook] <= rank[large.outlook]
    if small.outlook is large.outlook and small.days_left is not None:
        assert small.days_left <= large.days_left


@given(SITUATIONS, ARRIVALS, st.integers(0, 10**9))
def test_a_number_of_days_has_its_limit_and_only_then(seen, arrivals, most):
    """Nothing is made up where nothing is known."""
    ahead = forecast(limits(max_bytes=most), seen, arrivals)
    has_days = ahead.outlook in {Outlook.FILLING, Outlook.AT_THE_LIMIT}
    assert (ahead.days_left is not None) == (ahead.limit is not None) == has_days
    assert (ahead.days_left == 0) == (ahead.outlook is Outlook.AT_THE_LIMIT)
