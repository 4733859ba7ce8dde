"""When the cards are looked at, and when the library is loaded anew."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hsid.gpu.board import fold
from hsid.gpu.cadence import LONGEST, RARELY, Cadence, Plan
from hsid.gpu.survey import Fault, FaultKind, LostCard, Survey
from tests.unit.gpu.cards import LOST, NO_LIBRARY, NOON, reading

HUNG = Fault(FaultKind.HUNG)
WELL = Survey((reading(0), reading(1)))
ONE_LOST = Survey((reading(0),), (LostCard(1, LOST),))

polls = st.floats(1, 300)


def plans(poll, *outcomes):
    """Return what follows each look, the looks being made as planned."""
    cadence, cards, now, made = Cadence(poll), (), 1000.0, []
    for outcome in outcomes:
        cards = fold(cards, outcome, NOON)
        made.append(cadence.after(outcome, cards, now))
        now += made[-1].delay
    return made


@given(polls, st.integers(1, 9))
def test_cards_that_are_well_are_polled_with_the_library_as_it_is(poll, count):
    """Every *poll* seconds, in the same process."""
    assert plans(poll, *[WELL] * count) == [Plan(poll, renew=False)] * count


@given(polls)
def test_a_machine_without_a_card_is_hardly_looked_at(poll):
    """Nor is a process kept for it."""
    outcomes = (NO_LIBRARY, Survey())

    assert plans(poll, *outcomes) == [Plan(RARELY, renew=True)] * 2


@given(polls, st.integers(2, 99))
def test_a_driver_that_is_broken_is_tried_with_growing_pauses(poll, count):
    """Up to a limit, each time in a new process; never more often than it is polled."""
    made = plans(poll, *[HUNG] * count)

    assert all(plan.renew for plan in made)
    assert all(a.delay <= b.delay for a, b in pairwise(made))
    assert all(poll <= plan.delay <= LONGEST for plan in made)


@given(polls)
def test_after_a_recovery_the_pauses_are_short_again(poll):
    """What is broken anew is tried soon."""
    first, *_, last = plans(poll, HUNG, HUNG, HUNG, WELL, HUNG)

    assert first == last


@given(st.floats(1, 60))
def test_beside_a_lost_card_the_others_are_polled_on(poll):
    """The library is loaded anew now and then only, ever more seldom."""
    made = plans(poll, WELL, *[ONE_LOST] * 500)
    renewals = [n for n, plan in enumerate(made) if plan.renew]
    gaps = [b - a for a, b in pairwise(renewals)]

    assert {plan.delay for plan in made} == {poll}
    assert len(renewals) > 2
    assert all(b >= a - 1 for a, b in pairwise(gaps))  # a pause is rounded to whole looks
    assert max(gaps) * poll <= LONGEST + poll
