"""Backoff: growth, cap, jitter, and what is refused."""

import math
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision import Backoff, SpecError

BACKOFFS = st.builds(
    lambda minimum, extra, factor, jitter: Backoff(
        minimum=minimum, maximum=minimum + extra, factor=factor, jitter=jitter, reset_after=1
    ),
    minimum=st.floats(0, 100),
    extra=st.floats(0, 1000),
    factor=st.floats(1, 100),
    jitter=st.floats(0, 0.99),
)
UNITS = st.floats(0, 1, exclude_max=True)


@given(backoff=BACKOFFS, attempt=st.integers(0, 10**9), unit=UNITS)
def test_delay_stays_within_its_bounds(backoff, attempt, unit):
    """No delay is below the jittered minimum or above the maximum, for any attempt."""
    lowest = backoff.minimum * (1 - backoff.jitter)

    assert lowest * (1 - 1e-9) <= backoff.delay(attempt, unit) <= backoff.maximum


@given(backoff=BACKOFFS, attempt=st.integers(0, 200))
def test_delay_never_shrinks_before_jitter(backoff, attempt):
    """Each attempt waits at least as long as the one before."""
    assert backoff.delay(attempt) <= backoff.delay(attempt + 1)


@given(backoff=BACKOFFS, unit=UNITS)
def test_shortest_delays_are_the_least(backoff, unit):
    """What reachability is judged by is a lower bound of every real delay."""
    for attempt, least in enumerate(islice(backoff.shortest_delays(), 10)):
        assert least <= backoff.delay(attempt, unit)


def test_shortest_delays_grow_and_have_all_the_jitter_off():
    """They are those of a crash loop with the worst of luck: it is judged by no milder one."""
    backoff = Backoff(minimum=1, maximum=3, jitter=0.5)

    assert list(islice(backoff.shortest_delays(), 4)) == [0.5, 1, 1.5, 1.5]


def test_default_delays_are_the_documented_ones():
    """Half a second, doubling, at most a minute; healthy after two."""
    backoff = Backoff()

    assert [backoff.delay(each) for each in (0, 1, 2, 6, 7, 100)] == [0.5, 1, 2, 32, 60, 60]
    assert backoff.healthy_after == 120


def test_none_never_waits():
    """Without a backoff every delay is zero, and health still needs a while."""
    assert [Backoff.none().delay(each, 0.5) for each in range(3)] == [0, 0, 0]
    assert Backoff.none().maximum == 0
    assert Backoff.none().healthy_after == 10


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("minimum", -1, "must be 0 or more seconds, and finite"),
        ("minimum", math.inf, "must be 0 or more seconds, and finite"),
        ("minimum", math.nan, "must be 0 or more seconds, and finite"),
        ("factor", 0.5, "must be in 1..100"),
        ("factor", 1000, "must be in 1..100"),
        ("maximum", 0.1, "must be finite, from minimum"),
        ("maximum", math.inf, "must be finite, from minimum"),
        ("jitter", 1, "must be in 0..1, below 1"),
        ("jitter", -0.1, "must be in 0..1, below 1"),
        ("reset_after", 0, "must be given, above 0 seconds"),
        ("reset_after", math.inf, "must be given, above 0 seconds"),
    ],
)
def test_impossible_backoff_is_refused(field, value, problem):
    """The error names the field at fault, and what would do."""
    with pytest.raises(SpecError) as caught:
        Backoff(**{field: value})

    assert (caught.value.owner, caught.value.field) == ("Backoff", field)
    assert str(caught.value) == f"Backoff: {field} {problem}"


def test_backoff_that_never_waits_must_say_when_it_is_healthy():
    """Twice nothing is nothing: every run would count as healthy."""
    with pytest.raises(SpecError, match="reset_after must be given"):
        Backoff(minimum=0, maximum=0)
