"""The board: which cards there are, in which state, since when."""

from hypothesis import given
from hypothesis import strategies as st

from hsid.gpu.board import Board, CardState, fold
from hsid.gpu.pressure import Pressure
from hsid.gpu.survey import LostCard, Survey
from tests.unit.gpu.cards import LOST, MISMATCH, NO_LIBRARY, at, reading


def after(*outcomes):
    """Return the board after one look a minute."""
    board = Board()
    for minute, outcome in enumerate(outcomes):
        board.note(outcome, at(minute))
    return board


def states(board):
    return [(card.name, card.state.value, card.since) for card in board.cards]


@st.composite
def surveys(draw):
    """Up to four cards, each read, lost or not listed at all."""
    fates = draw(st.lists(st.sampled_from(["read", "lost", "absent"]), max_size=4))
    return Survey(
        tuple(reading(n) for n, fate in enumerate(fates) if fate == "read"),
        tuple(LostCard(n, LOST) for n, fate in enumerate(fates) if fate == "lost"),
    )


outcomes = st.lists(surveys() | st.sampled_from([LOST, MISMATCH, NO_LIBRARY]), max_size=8)


def test_a_machine_without_library_or_without_card_has_an_empty_board():
    """Neither is a trouble."""
    assert after(NO_LIBRARY).cards == after(Survey()).cards == ()
    assert after(NO_LIBRARY).troubles == ()


def test_a_card_is_ok_since_it_was_first_seen():
    """A further look changes its figures only."""
    board = after(Survey((reading(),)), Survey((reading(used=5000),)))

    assert states(board) == [("Card 0", "ok", at(0))]
    assert board.cards[0].reading.memory_used_bytes == 5000


def test_a_lost_card_keeps_its_name_and_loses_its_figures():
    """It is lost since the first look that could not reach it."""
    lost = Survey(lost=(LostCard(0, LOST),))
    board = after(Survey((reading(),)), lost, lost)

    assert states(board) == [("Card 0", "lost", at(1))]
    assert board.cards[0].reading is None
    assert board.troubles == (f"lost GPU Card 0 (number 0): {LOST.words}",)


def test_a_card_that_is_back_is_ok_since_then():
    """And its fault is gone from the troubles."""
    board = after(Survey((reading(),)), LOST, Survey((reading(),)))

    assert states(board) == [("Card 0", "ok", at(2))]
    assert board.troubles == ()


def test_a_fault_of_the_driver_loses_all_cards_and_is_told_once():
    """One sentence names them all."""
    board = after(Survey((reading(0), reading(1))), MISMATCH)

    assert {card.state for card in board.cards} == {CardState.LOST}
    (trouble,) = board.troubles
    assert trouble.startswith("lost GPU Card 0 (number 0), Card 1 (number 1): the driver was")


def test_a_library_that_vanishes_loses_the_cards_that_were_seen():
    """No library is no trouble only where no card was ever seen."""
    assert after(Survey((reading(),)), NO_LIBRARY).troubles


def test_a_broken_driver_shows_a_card_before_any_was_seen():
    """Somebody installed it for a card, whose name nobody knows yet; later it is seen by name."""
    assert states(after(MISMATCH)) == [(None, "lost", at(0))]
    assert states(after(MISMATCH, Survey((reading(),)))) == [("Card 0", "ok", at(1))]
    assert states(after(MISMATCH, Survey())) == []


def test_a_card_that_is_no_longer_listed_is_lost():
    """The others may have moved up to its number."""
    board = after(
        Survey((reading(0, name="a"), reading(1, name="b"))), Survey((reading(0, name="b"),))
    )

    assert sorted(states(board)) == [("Card a", "lost", at(1)), ("Card b", "ok", at(0))]


def test_a_card_that_is_lost_at_the_first_look_is_shown_by_its_number():
    """And taken for the one of its number when that is seen."""
    lost = Survey(lost=(LostCard(1, LOST),))

    assert states(after(lost)) == [(None, "lost", at(0))]
    assert states(after(lost, Survey((reading(1),)))) == [("Card 1", "ok", at(1))]


def test_a_full_card_is_under_pressure_until_it_is_lost():
    """The strongest of all cards counts; a lost one has none."""
    full = Survey((reading(0), reading(1, used=7800)))

    assert after(full).pressure() is Pressure.CRITICAL
    assert after(full, LOST).pressure() is Pressure.NORMAL


@given(outcomes)
def test_a_card_that_was_seen_never_leaves_the_board(story):
    """Each is there once, ok with figures or lost with a fault."""
    seen, board = set(), Board()
    for minute, outcome in enumerate(story):
        board.note(outcome, at(minute))
        if isinstance(outcome, Survey):
            seen |= {each.uuid for each in outcome.readings}
        known = [card.uuid for card in board.cards if card.uuid]
        assert sorted(known) == sorted(seen)
        for card in board.cards:
            assert card.is_ok == (card.reading is not None) == (card.fault is None)


@given(outcomes, surveys())
def test_a_survey_decides_alone_what_is_ok(story, last):
    """Whatever came before."""
    board = after(*story, last)

    assert [card.reading for card in board.cards if card.is_ok] == list(last.readings)


@given(outcomes, surveys() | st.sampled_from([LOST, MISMATCH, NO_LIBRARY]))
def test_the_same_look_again_changes_nothing(story, last):
    """No state, no since, no trouble: so nothing is told twice."""
    once = after(*story, last).cards

    assert fold(once, last, at(99)) == once
