"""Delays between tries, and the queues' clock: pure."""

import math
import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from hsid.queues.clock import SteadyClock
from hsid.queues.handling import describe
from hsid.queues.retry import Backoff, RetryPolicy

RNG = random.Random(1)  # noqa: S311 - the tests' jitter

policies = st.builds(
    lambda first, longest, factor, jitter: RetryPolicy(
        min(first, longest), factor, max(first, longest), jitter
    ),
    st.floats(1e-3, 1e6),
    st.floats(1e-3, 1e6),
    st.floats(1, 1e9),
    st.floats(0, 1),
)


@given(policies, st.integers(0, 10**9), st.randoms(use_true_random=False))
def test_a_delay_is_within_its_bounds(policy, tries, rng):
    """However often an entry has failed, the delay neither overflows nor exceeds the cap."""
    delay = policy.delay(tries, rng)

    assert policy.first * (1 - policy.jitter) <= delay <= policy.longest


@given(policies, st.integers(1, 100))
def test_delays_grow(policy, tries):
    """Without jitter a later delay is never shorter."""
    still = RetryPolicy(policy.first, policy.factor, policy.longest, 0)

    assert still.delay(tries, RNG) <= still.delay(tries + 1, RNG)


def test_delays_double_up_to_the_cap():
    """The documented series."""
    policy = RetryPolicy(first=2, factor=2, longest=20, jitter=0)

    assert [policy.delay(tries, RNG) for tries in range(1, 7)] == [2, 4, 8, 16, 20, 20]


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": 0},
        {"first": 10, "longest": 5},
        {"factor": 0.5},
        {"jitter": 1.5},
        {"jitter": -0.1},
        {"first": math.nan},
    ],
)
def test_delays_that_do_not_grow_are_refused(wrong):
    """Nonsense is found at construction, not in the middle of a night."""
    with pytest.raises(ValueError, match="delays"):
        RetryPolicy(**wrong)


def test_backoff_begins_anew_after_a_success():
    """The pauses grow while it fails in a row, and only then."""
    backoff = Backoff(RetryPolicy(first=1, factor=3, longest=100, jitter=0), RNG)
    pauses = [backoff.fail(), backoff.fail()]
    backoff.succeed()

    assert (pauses, backoff.failures, backoff.fail()) == ([1, 3], 0, 1)


def test_a_step_of_the_wall_clock_does_not_move_the_queues_clock():
    """Neither do leases end at a step forward, nor do retries freeze at one back."""
    wall, elapsed = [1000.0], [5.0]
    clock = SteadyClock(wall=lambda: wall[0], elapsed=lambda: elapsed[0])
    wall[0] -= 86_400
    elapsed[0] += 2

    assert clock() == 1002.0


class MuteError(Exception):
    """An exception whose text can't be had."""

    def __str__(self):
        raise RuntimeError


def test_an_error_without_text_is_still_described():
    """Even an exception that raises when printed names its class."""
    assert describe(MuteError()).startswith("MuteError")
    assert len(describe(ValueError("x" * 10_000))) < 600
