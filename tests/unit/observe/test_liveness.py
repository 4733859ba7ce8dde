"""Which parts are dead: busy, and no work done, for long enough and seen often enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.observe.liveness import Liveness, Part


def stuck(liveness, times, **part):
    """Look at one part at *times*; return what the last look found."""
    found = ()
    for now in times:
        found = liveness.look([Part("writer", **({"is_busy": True, "progress": 7} | part))], now)
    return found


@pytest.fixture
def liveness():
    return Liveness(interval=1, patience=10)


def test_a_part_that_is_busy_in_vain_is_dead(liveness):
    """After the whole of the patience, not before."""
    assert stuck(liveness, range(10)) == ()
    assert stuck(liveness, [10]) == ("writer",)


def test_a_part_that_is_idle_is_alive(liveness):
    """It has nothing to do, so it does nothing."""
    assert stuck(liveness, range(100), is_busy=False) == ()


def test_a_part_that_works_again_is_alive_again(liveness):
    """And has all of the patience before it."""
    stuck(liveness, range(20))

    assert stuck(liveness, range(20, 30), progress=8) == ()
    assert stuck(liveness, [30], progress=8) == ("writer",)


def test_a_part_that_is_gone_is_forgotten(liveness):
    """Its successor begins anew."""
    stuck(liveness, range(20))
    liveness.look([], 20)

    assert stuck(liveness, range(21, 31)) == ()


@pytest.mark.parametrize("pause", [60, 3600, 86_400])
def test_one_late_look_is_no_proof(liveness, pause):
    """A process that was suspended, or a machine that slept, is none the worse."""
    stuck(liveness, range(5))

    assert stuck(liveness, [5 + pause]) == ()


@given(st.lists(st.floats(0, 1000), max_size=9))
def test_nobody_is_dead_before_it_was_seen_often_enough(pauses):
    """Patience of ten intervals takes at least ten looks, whatever lies between them."""
    liveness, now = Liveness(interval=1, patience=10), 0.0
    for pause in pauses:
        now += pause
        assert stuck(liveness, [now]) == ()
