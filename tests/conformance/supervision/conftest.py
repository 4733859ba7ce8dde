"""A recorder, and builders of supervisors and children for every case.

Tests that take time ask for `autojump_clock` themselves: pytest-trio looks for the clock there.
"""

import random

import pytest

from supervision import Backoff, ChildSpec, Supervisor
from supervision.testing import EventRecorder


@pytest.fixture
def recorder():
    return EventRecorder()


@pytest.fixture
def build(recorder):
    """Return a builder of root supervisors that tell the recorder."""

    def refuse_exit(status):
        raise AssertionError(f"the supervisor wanted to exit with {status}")

    def make(*children, **rules):
        rules = {
            "rng": random.Random(1),  # noqa: S311 - jitter guards nothing
            "exit_function": refuse_exit,
            **rules,
        }
        return Supervisor("root", children, sink=recorder, **rules)

    return make


@pytest.fixture
def quick():
    """Return a builder of children that restart after exactly 0.1 s, and then grow no slower."""
    backoff = Backoff(minimum=0.1, maximum=0.1, jitter=0, reset_after=60)

    def make(name, start, **policy):
        return ChildSpec(name, start, **{"backoff": backoff, **policy})

    return make
