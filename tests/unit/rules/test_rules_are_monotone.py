"""The rule engine never scores lower for what is more alarming."""

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hsid.model import Place
from tests.unit.rules.story import Row, Story, share, stories, with_row

DAY_START, NIGHT_END = 7 * 60, 29 * 60
"""Minutes between which a later hour is one deeper in the night, until 05:00 of the next day."""
many = settings(deadline=None, max_examples=100)


@many
@given(stories, st.integers(0, 7), share)
def test_more_confidence_never_lowers_the_score(story: Story, which: int, other: float) -> None:
    """Whichever detection is surer."""
    at = which % len(story.rows)
    low, high = sorted([story.rows[at].confidence, other])
    assert with_row(story, at, confidence=low).score <= with_row(story, at, confidence=high).score


@many
@given(stories, st.integers(0, 7), share)
def test_a_nearer_object_never_lowers_the_score(story: Story, which: int, other: float) -> None:
    """Whichever detection covers more of its picture."""
    at = which % len(story.rows)
    low, high = sorted([story.rows[at].area_share, other])
    assert with_row(story, at, area_share=low).score <= with_row(story, at, area_share=high).score


@many
@given(stories, st.integers(1, 50))
def test_a_longer_stay_never_lowers_the_score(story: Story, stretch: int) -> None:
    """The same pictures, further apart."""
    longer = tuple(replace(row, after_s=row.after_s * stretch) for row in story.rows)
    assert replace(story, rows=longer).score >= story.score


@many
@given(stories, share, share)
def test_more_people_never_lower_the_score(story: Story, confidence: float, area: float) -> None:
    """One more in any picture of a batch that is about people."""
    people = [row for row in story.rows if row.label == "person"]
    assume(people)
    for person in people:
        another = Row("person", person.after_s, confidence, area)
        assert replace(story, rows=(*story.rows, another)).score >= story.score


@many
@given(stories, st.integers(DAY_START, NIGHT_END), st.integers(DAY_START, NIGHT_END))
def test_a_later_hour_never_lowers_the_score(story: Story, one: int, other: int) -> None:
    """From the morning on, until the night ends."""
    early, late = sorted([one, other])
    assert replace(story, minute=early).score <= replace(story, minute=late).score


@many
@given(stories)
def test_a_closer_place_never_lowers_the_score(story: Story) -> None:
    """Street, driveway, yard, entrance, indoors."""
    scores = [replace(story, place=place).score for place in Place]
    assert scores == sorted(scores)


@many
@given(stories, st.floats(0, 100), st.floats(0, 100))
def test_what_is_less_usual_never_scores_lower(story: Story, one: float, other: float) -> None:
    """Never seen at this hour, up to seen all the time; unknown lies between those two."""
    rare, usual = sorted([one, other])
    order = [100.0, usual, rare, 0.0]
    scores = [replace(story, usual_per_day=often).score for often in order]
    assert scores == sorted(scores)
    assert scores[0] <= replace(story, usual_per_day=None).score <= scores[-1]
