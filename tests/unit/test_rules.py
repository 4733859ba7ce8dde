"""The rule engine: sensible levels, reasons that add up, words that hold."""

import json
import re
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsid.ai.kinds import Kind, by_importance, kind_of
from hsid.ai.rule_weights import hour_points
from hsid.ai.rules import EmptyCaseError, RuleAnalyst, score
from hsid.model import AnalysisKind, Place, Severity
from tests.unit.rules.story import Row, Story, stories

SCENARIOS = json.loads((Path(__file__).parent / "data" / "judgement.json").read_text("utf-8"))
many = settings(deadline=None, max_examples=100)


def scenario(entry: dict) -> Story:
    rows = tuple(Row(**row) for row in entry["detections"])
    start = datetime.fromisoformat(entry["start_local"])
    usual = entry["usual_per_day_this_hour"]
    return Story(rows, Place(entry["place"]), start.hour * 60 + start.minute, usual)


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


def test_animals_alone_are_low_whatever_they_do() -> None:
    """Four cats indoors for an hour in the dead of night are no event."""
    cats = tuple(Row("cat", after_s) for after_s in (0, 3600) for _ in range(4))
    assert Story(cats, Place.INDOOR, usual_per_day=0.0).level is Severity.LOW


def test_only_people_count_as_people() -> None:
    """Four parked cars are no crowd."""
    one, four = (Story((Row("car"),) * cars, Place.DRIVEWAY) for cars in (1, 4))
    assert one.score == four.score


def test_frames_of_one_clip_are_pictures_of_their_own() -> None:
    """One person in five frames is no crowd of five."""
    case = Story(tuple(Row(after_s=second) for second in range(5))).case()
    clip = tuple(replace(record, upload_id=1) for record in case.detections)
    assert score(replace(case, detections=clip)) == score(case)


@pytest.mark.parametrize(
    ("clock", "points"),
    [("07:00", 0), ("16:59", 0), ("18:30", 3.8), ("22:00", 19), ("01:00", 38), ("06:00", 19)],
)
def test_the_night_comes_and_goes_by_degrees(clock: str, points: float) -> None:
    """Straight lines between the hours of the table."""
    assert hour_points(time.fromisoformat(clock)) == pytest.approx(points)


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


def test_a_long_camera_name_is_shortened_and_put_on_one_line() -> None:
    """Sixty characters are enough to tell cameras apart."""
    summary = score(Story(camera_name="back\n\tyard " * 40).case()).summary
    assert summary.startswith("back yard back yard ")
    assert summary.index("…: a person") == 59


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
