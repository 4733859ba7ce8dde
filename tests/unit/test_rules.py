"""The rule engine: sensible levels, monotone weights, reasons that add up, words that hold."""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hsid.ai.analyst import Case
from hsid.ai.kinds import Kind, by_importance, kind_of
from hsid.ai.rules import EmptyCaseError, RuleAnalyst, score
from hsid.ai.severity import SeverityThresholds, severity_of
from hsid.model import (
    AnalysisKind,
    Batch,
    BatchState,
    Box,
    Camera,
    Detection,
    DetectionRecord,
    Place,
    Severity,
)

SCENARIOS = json.loads((Path(__file__).parent / "data" / "judgement.json").read_text("utf-8"))
SIDE = 1000
LABELS = ["person", "car", "truck", "bicycle", "cat", "bird", "umbrella"]
DAY_START, NIGHT_END = 7 * 60, 29 * 60
"""Minutes between which a later hour is one deeper in the night, until 05:00 of the next day."""
many = settings(deadline=None, max_examples=200)


@dataclass(frozen=True)
class Row:
    """A detection; rows of one *after_s* are of one picture."""

    label: str = "person"
    after_s: int = 0
    confidence: float = 0.9
    area_share: float = 0.1


@dataclass(frozen=True)
class Story:
    """All that a score may depend on."""

    rows: tuple[Row, ...] = (Row(),)
    place: Place | None = Place.ENTRANCE
    minute: int = 2 * 60 + 13
    usual_per_day: float | None = None
    camera_name: str = "Front door"

    def case(self) -> Case:
        start = datetime(2026, 11, 3, tzinfo=UTC) + timedelta(minutes=self.minute)
        rows = sorted(self.rows, key=lambda row: row.after_s)
        records = tuple(self._record(start, number, row) for number, row in enumerate(rows))
        end = records[-1].captured_at if records else start
        batch = Batch("b1", "porch", BatchState.CLOSED, 1, start, end)
        camera = Camera("porch", self.camera_name, self.place)
        return Case(batch, camera, start, records, self.usual_per_day)

    def _record(self, start: datetime, number: int, row: Row) -> DetectionRecord:
        box = Box(0, 0, SIDE, round(SIDE * row.area_share))
        found = Detection(row.label, row.confidence, box)
        at = start + timedelta(seconds=row.after_s)
        return DetectionRecord(number, row.after_s, at, found, SIDE, SIDE)

    @property
    def score(self) -> int:
        return score(self.case()).score

    @property
    def level(self) -> Severity:
        return severity_of(self.score, SeverityThresholds())


def scenario(entry: dict) -> Story:
    rows = tuple(Row(**row) for row in entry["detections"])
    start = datetime.fromisoformat(entry["start_local"])
    usual = entry["usual_per_day_this_hour"]
    return Story(rows, Place(entry["place"]), start.hour * 60 + start.minute, usual)


share = st.floats(0, 1)
usual = st.none() | st.floats(0, 100)
rows = st.builds(Row, st.sampled_from(LABELS), st.integers(0, 120), share, share)
stories = st.builds(
    Story,
    st.lists(rows, min_size=1, max_size=8).map(tuple),
    st.none() | st.sampled_from(Place),
    st.integers(0, 24 * 60 - 1),
    usual,
)


@pytest.mark.parametrize("entry", SCENARIOS, ids=lambda entry: entry["id"])
def test_a_scenario_lands_at_a_level_that_a_sensible_householder_accepts(entry) -> None:
    """Thirty batches, each with the levels that it may have."""
    assert scenario(entry).level in entry["allowed_levels"]


@many
@given(stories)
def test_a_score_is_0_to_100_and_the_same_every_time(story: Story) -> None:
    """Weights alone keep the score in range; nothing is cut off."""
    assert 0 <= story.score <= 100
    assert score(story.case()) == score(story.case())


def test_the_worst_case_reaches_the_full_score() -> None:
    """The points of the weights add up to 100, so that no level is out of reach."""
    crowd = tuple(Row(after_s=after) for after in (0, 3600) for _ in range(4))
    assert Story(crowd, Place.INDOOR, usual_per_day=0.0).score == 100


@many
@given(stories)
def test_the_reasons_add_up_to_the_score(story: Story) -> None:
    """What is listed is what counted, in the text as well."""
    assessment = score(story.case())
    listed = [int(points) for points in re.findall(r"\(([+-]\d+)\)", assessment.reasoning)]
    assert listed == [factor.points for factor in assessment.factors]
    assert sum(listed) == assessment.score


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


@many
@given(
    st.lists(st.floats(0.5, 0.8), min_size=6, max_size=8),
    st.floats(0.05, 0.3),
    st.integers(40, 70),
)
def test_a_person_staying_at_the_door_at_night_is_high_even_for_a_weak_detector(
    confidences: list[float], area: float, dwell: int
) -> None:
    """Half-sure pictures that agree, from a camera without history, are enough."""
    last = len(confidences) - 1
    rows = tuple(
        Row("person", dwell * number // last, confidence, area)
        for number, confidence in enumerate(confidences)
    )
    assert Story(rows).level in {Severity.HIGH, Severity.CRITICAL}


@many
@given(stories)
def test_animals_alone_are_low_whatever_they_do(story: Story) -> None:
    """A cat is no event, at any hour."""
    cats = tuple(replace(row, label="cat") for row in story.rows)
    assert replace(story, rows=cats).level is Severity.LOW


@pytest.mark.parametrize("place", Place)
def test_one_unsure_picture_of_somebody_small_is_at_most_medium(place: Place) -> None:
    """Not even indoors in the night: a coat on a hook looks like that."""
    unsure = Story((Row(confidence=0.52, area_share=0.01),), place, usual_per_day=0.0)
    assert unsure.level in {Severity.LOW, Severity.MEDIUM}


def test_a_camera_without_a_place_is_taken_for_one_on_the_property() -> None:
    """Unknown is neither the street nor the bedroom."""
    scores = [replace(Story(), place=place).score for place in (Place.STREET, None, Place.INDOOR)]
    assert scores == sorted(set(scores))


def test_the_reasoning_says_in_plain_words_what_counted() -> None:
    """Each factor with its points, in order of appearance."""
    rows = (Row(), Row(), Row(after_s=70, confidence=0.5))
    assert score(Story(rows, usual_per_day=0.0).case()).reasoning == (
        "a person at the entrance, not usual there at this hour (+29),"
        " at 02:13, deep night (+38), stayed 70 s (+15), 2 people at once (+8)."
    )


def test_the_reasoning_says_what_lowered_the_score() -> None:
    """Whoever reads 5 wants to know why a truck in the yard counted so little."""
    rows = (Row("truck", confidence=0.6, area_share=0.01),)
    assert score(Story(rows, Place.YARD, 12 * 60, 1.25).case()).reasoning == (
        "a truck in the yard (+27), seen here about 1.2 times a day at this hour (-13),"
        " a truck matters less than a person (-5), not sure, 60% at best in 1 picture (-2),"
        " small or far away (-2)."
    )


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ((Row(),), "a person was seen at 02:13."),
        ((Row(), Row(after_s=70)), "a person stayed for 70 seconds at 02:13."),
        ((Row(), Row()), "2 people were seen at 02:13."),
        ((Row("umbrella"), Row("cat")), "an umbrella was seen at 02:13, along with a cat."),
        (
            (Row("car"), Row(), Row("cat")),
            "a person was seen at 02:13, along with a car and a cat.",
        ),
    ],
)
def test_the_summary_is_a_sentence_for_a_householder(rows: tuple[Row, ...], sentence: str) -> None:
    """Who, how long, when, and what came along."""
    assert score(Story(rows).case()).summary == f"Front door: {sentence}"


@many
@given(st.text())
def test_no_camera_name_breaks_the_summary(name: str) -> None:
    """A name may hold line breaks, control characters or an essay; the sentence is still there."""
    summary = score(Story(camera_name=name).case()).summary
    assert summary.isprintable()
    assert summary.lower().endswith("a person was seen at 02:13.")
    assert len(summary) < 100


def test_a_nameless_camera_leaves_a_whole_sentence() -> None:
    """A name of nothing printable is left out, colon and all."""
    assert score(Story(camera_name="\n\x00").case()).summary == "A person was seen at 02:13."


def test_a_case_without_detections_is_an_error_and_not_a_harmless_score() -> None:
    """A score is never made up."""
    with pytest.raises(EmptyCaseError, match="b1"):
        score(Story(()).case())


def test_the_main_class_is_the_most_important_kind_and_then_the_first_seen() -> None:
    """A person outranks a car, a car whatever the detector knows besides, and all outrank a cat."""
    seen = ["cat", "umbrella", "truck", "car", "truck", "Person"]
    assert by_importance(seen) == ["Person", "truck", "car", "umbrella", "cat"]
    assert kind_of("Person") is Kind.PERSON


async def test_the_analyst_gives_the_score_as_a_verdict_of_the_rules() -> None:
    """The event can say who judged it."""
    case = Story().case()
    verdict = await RuleAnalyst().judge(case)
    assessment = score(case)
    assert (verdict.risk_score, verdict.reasoning) == (assessment.score, assessment.reasoning)
    assert (verdict.summary, verdict.kind, verdict.analyst) == (
        assessment.summary,
        AnalysisKind.RULES,
        RuleAnalyst().name,
    )


def with_row(story: Story, at: int, **changes: float) -> Story:
    rows = list(story.rows)
    rows[at] = replace(rows[at], **changes)
    return replace(story, rows=tuple(rows))
