"""Memory pressure: what it is called, and how it slows work down."""

from functools import partial
from itertools import groupby

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hsid.gpu.pressure import Pressure, Throttle, next_pressure, strongest

NORMAL, HIGH, CRITICAL = Pressure
ORDER = list(Pressure)

pressures = st.sampled_from(Pressure)
ratios = st.floats(0, 1)


@pytest.mark.parametrize(
    ("before", "ratio", "after"),
    [
        (NORMAL, 0.849, NORMAL),
        (NORMAL, 0.85, HIGH),
        (NORMAL, 0.95, CRITICAL),
        (HIGH, 0.83, HIGH),
        (HIGH, 0.81, NORMAL),
        (HIGH, 0.949, HIGH),
        (CRITICAL, 0.93, CRITICAL),
        (CRITICAL, 0.91, HIGH),
        (CRITICAL, 0.5, NORMAL),
    ],
)
def test_pressure_is_left_a_little_lower_than_it_is_reached(before, ratio, after):
    """85 and 95 percent on the way up, 3 less on the way down."""
    assert next_pressure(before, ratio) is after


@given(pressures)
def test_a_card_that_cannot_tell_is_under_no_pressure(before):
    """Nothing is held up by a figure that nobody has."""
    assert next_pressure(before, None) is NORMAL


@given(pressures, ratios, ratios)
def test_more_memory_taken_is_never_less_pressure(before, one, other):
    """From the same state, that is."""
    lower, higher = sorted((one, other))
    after = [ORDER.index(next_pressure(before, ratio)) for ratio in (lower, higher)]

    assert after == sorted(after)


@given(pressures, ratios)
def test_a_steady_card_keeps_its_pressure(before, ratio):
    """The same figure a second time changes nothing."""
    after = next_pressure(before, ratio)

    assert next_pressure(after, ratio) is after


@given(st.floats(0, 0.97), pressures, st.lists(st.floats(0, 0.0299), min_size=2))
def test_a_card_that_sways_by_less_than_the_margin_does_not_flutter(base, before, swings):
    """No pressure that it has left comes back."""
    seen = [before]
    for swing in swings:
        seen.append(next_pressure(seen[-1], base + swing))

    runs = [pressure for pressure, _ in groupby(seen)]
    assert len(runs) == len(set(runs))


@given(st.lists(pressures))
def test_the_strongest_pressure_counts(several):
    """One full card is enough; no card is no pressure."""
    assert ORDER.index(strongest(several)) == max(map(ORDER.index, several), default=0)


@pytest.mark.parametrize(("pressure", "pace"), [(NORMAL, 1), (HIGH, 2), (CRITICAL, 4)])
async def test_under_pressure_work_goes_at_half_and_at_a_quarter_of_its_pace(
    autojump_clock, pressure, pace
):
    """The rest is measured by the work, so it fits fast and slow detectors."""
    throttle = Throttle(lambda: pressure)
    await throttle.run(partial(trio.sleep, 2))
    began = trio.current_time()
    for _ in range(5):
        await throttle.run(partial(trio.sleep, 2))

    assert trio.current_time() - began == 5 * 2 * pace


async def test_the_end_of_the_pressure_is_felt_with_the_next_piece_of_work(autojump_clock):
    """It is asked each time."""
    told = [CRITICAL]
    throttle = Throttle(lambda: told[0])
    await throttle.run(partial(trio.sleep, 2))
    told[0] = NORMAL
    began = trio.current_time()
    await throttle.run(partial(trio.sleep, 2))

    assert trio.current_time() - began == 2


async def test_a_rest_is_limited(autojump_clock):
    """A timeout of minutes makes no rest of minutes; work that fails counts as well."""

    async def fail():
        await trio.sleep(300)
        raise OSError("timed out")

    throttle = Throttle(lambda: CRITICAL)
    with pytest.raises(OSError, match="timed out"):
        await throttle.run(fail)
    began = trio.current_time()
    await throttle.run(trio.lowlevel.checkpoint)

    assert trio.current_time() - began == 10
