"""The rule engine: judges a batch by a few documented weights, and says what counted.

The score of a case is the same every time. It never falls when a detection is surer or larger, when
the main class stays longer, when more people are in a picture, at an hour deeper in the night, in a
place closer to the household, or where the like is seen less often. Its factors, as listed in the
reasoning, add up to it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from hsid.ai import rule_weights as weights
from hsid.ai import rule_words as words
from hsid.ai.analyst import Case
from hsid.ai.kinds import Kind, by_importance, kind_of
from hsid.model import AnalysisKind, DetectionRecord, Seconds, Verdict


class EmptyCaseError(ValueError):
    """A case without detections: there is nothing to judge. The caller is at fault."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that counted. *points* are below 0 for what lowers the score."""

    text: str
    points: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """A judgement with its reasons: *score* is the sum of the points of *factors*."""

    score: int
    factors: tuple[Factor, ...]
    summary: str

    @property
    def reasoning(self) -> str:
        """Return the factors as one line of text."""
        return ", ".join(f"{factor.text} ({factor.points:+d})" for factor in self.factors) + "."


@dataclass(frozen=True, slots=True)
class _Facts:
    """What of a case counts. All but *people* is about the main class alone."""

    labels: tuple[str, ...]
    """Every class that was seen, the main one first."""
    kind: Kind
    best_confidence: float
    largest_share: float
    pictures: int
    dwell: Seconds
    people: int
    """The most that were in one picture; 0 if the batch isn't about people."""


def _facts(detections: tuple[DetectionRecord, ...]) -> _Facts:
    labels = tuple(by_importance(record.detection.label for record in detections))
    main = [record for record in detections if record.detection.label == labels[0]]
    kind = kind_of(labels[0])
    times = [record.captured_at for record in main]
    at_once = Counter((record.upload_id, record.captured_at) for record in main)
    return _Facts(
        labels=labels,
        kind=kind,
        best_confidence=max(record.detection.confidence for record in main),
        largest_share=max(record.area_share for record in main),
        pictures=len(at_once),
        dwell=(max(times) - min(times)).total_seconds(),
        people=max(at_once.values()) if kind is Kind.PERSON else 0,
    )


def _running_totals(case: Case, facts: _Facts) -> Iterator[tuple[str, float]]:
    """Yield what counts, each with the score so far: first what adds, then what scales it down."""
    total = 0.0
    for text, points in _additions(case, facts):
        total += points
        yield text, total
    for text, factor in _reductions(case, facts):
        total *= factor
        yield text, total


def _additions(case: Case, facts: _Facts) -> Iterator[tuple[str, float]]:
    place, local = case.camera.place, case.started_local
    yield (
        words.sight(facts.labels[0], place, case.usual_per_day),
        weights.PLACE_POINTS[place or weights.UNKNOWN_PLACE],
    )
    yield f"at {_clock(case)}, {words.time_of_day(local.hour)}", weights.hour_points(local.time())
    yield f"stayed {facts.dwell:.0f} s", weights.dwell_points(facts.dwell)
    yield f"{facts.people} people at once", weights.people_points(facts.people)


def _reductions(case: Case, facts: _Facts) -> Iterator[tuple[str, float]]:
    pictures = words.plural(facts.pictures, "picture", "pictures")
    yield words.usual(case.usual_per_day), weights.usual_factor(case.usual_per_day)
    yield (
        f"{words.a_thing(facts.labels[0])} matters less than a person",
        weights.KIND_FACTOR[facts.kind],
    )
    yield (
        f"not sure, {facts.best_confidence:.0%} at best in {pictures}",
        weights.sureness_factor(facts.best_confidence, facts.pictures),
    )
    yield "small or far away", weights.size_factor(facts.largest_share)


def _factors(case: Case, facts: _Facts) -> Iterator[Factor]:
    """Yield the factors in whole points that add up to the rounded score, however many they are."""
    before = 0
    for text, total in _running_totals(case, facts):
        after = round(total)
        if after != before:
            yield Factor(text, after - before)
        before = after


def _clock(case: Case) -> str:
    return f"{case.started_local:%H:%M}"


def score(case: Case) -> Assessment:
    """Judge *case*; raise `EmptyCaseError` if it has no detections."""
    if not case.detections:
        raise EmptyCaseError(f"batch {case.batch.id} has no detections")
    facts = _facts(case.detections)
    factors = tuple(_factors(case, facts))
    return Assessment(
        score=sum(factor.points for factor in factors),
        factors=factors,
        summary=words.summary(
            case.camera.name, facts.labels, facts.people, facts.dwell, _clock(case)
        ),
    )


class RuleAnalyst:
    """Judges with `score`: at once, offline, and the same way every time."""

    @property
    def name(self) -> str:
        """What the log, the metrics and the event call it."""
        return "rules"

    async def judge(self, case: Case) -> Verdict:
        """Return the verdict of the rules; raise `EmptyCaseError` if there is nothing to judge."""
        assessment = score(case)
        return Verdict(
            risk_score=assessment.score,
            summary=assessment.summary,
            reasoning=assessment.reasoning,
            kind=AnalysisKind.RULES,
            analyst=self.name,
        )
