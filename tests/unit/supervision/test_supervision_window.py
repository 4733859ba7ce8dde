"""The sliding window against a list that forgets nothing."""

from hypothesis import given
from hypothesis import strategies as st

from supervision import RestartWindow

GAPS = st.lists(st.integers(0, 4), max_size=40)


def brute_force(times, now, intensity, period):
    return len([each for each in times if now - period <= each <= now]) < intensity


@given(intensity=st.integers(0, 5), period=st.integers(1, 8), gaps=GAPS)
def test_window_agrees_with_a_list_of_all_restarts(intensity, period, gaps):
    """Allowed exactly if fewer than *intensity* recorded restarts lie within the period."""
    window, recorded, now = RestartWindow(intensity, period), [], 0
    for gap in gaps:
        now += gap
        allowed = window.allows(now)
        assert allowed == brute_force(recorded, now, intensity, period)
        assert window.left(now) == intensity - len([t for t in recorded if t >= now - period])
        if allowed:
            window = window.record(now)
            recorded.append(now)


@given(intensity=st.integers(1, 5), gaps=GAPS)
def test_window_stays_bounded(intensity, gaps):
    """It never remembers more restarts than it allows."""
    window, now = RestartWindow(intensity, 5), 0
    for gap in gaps:
        now += gap
        if window.allows(now):
            window = window.record(now)
        assert len(window.times) <= intensity


def test_window_edge_is_part_of_the_period():
    """A restart exactly one period ago still counts; a moment later it does not."""
    window = RestartWindow(1, 5.0).record(0.0)

    assert not window.allows(5.0)
    assert window.allows(5.000001)


def test_zero_intensity_allows_nothing():
    """The first restart is one too many already."""
    assert not RestartWindow(0, 5.0).allows(0.0)


def test_recording_leaves_the_old_window_alone():
    """It is a value: the one recorded into is another."""
    window = RestartWindow(2, 5.0)
    window.record(1.0)

    assert window.times == ()
