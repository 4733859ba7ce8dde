"""Severity: one place where a score becomes a level."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.ai.severity import (
    RiskScoreError,
    SeverityThresholds,
    SeverityThresholdsError,
    severity_of,
)
from hsid.model import Severity

DEFAULT = SeverityThresholds()
IN_ORDER = [Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (0, "low"),
        (29, "low"),
        (30, "medium"),
        (59, "medium"),
        (60, "high"),
        (84, "high"),
        (85, "critical"),
        (100, "critical"),
    ],
)
def test_a_threshold_belongs_to_the_level_below_it(score: int, level: str) -> None:
    """Score exactly on a border, and one above."""
    assert severity_of(score, DEFAULT) == level


@pytest.mark.parametrize("score", [-1, 101, 850, float("nan"), float("inf")])
def test_a_score_out_of_range_is_an_error_and_not_clamped(score: float) -> None:
    """A score nobody can have meant must not become harmless, nor critical."""
    with pytest.raises(RiskScoreError, match="0 to 100"):
        severity_of(score, DEFAULT)


@pytest.mark.parametrize(
    "limits", [(-1, 59, 84), (59, 59, 84), (29, 84, 84), (84, 59, 29), (29, 59, 100)]
)
def test_thresholds_that_leave_a_level_without_scores_are_refused(limits) -> None:
    """Each level keeps at least one score."""
    with pytest.raises(SeverityThresholdsError):
        SeverityThresholds(*limits)


@given(st.lists(st.integers(0, 99), min_size=3, max_size=3, unique=True).map(sorted))
def test_levels_rise_with_the_score_and_all_occur(limits: list[int]) -> None:
    """For any thresholds that are accepted, 0 is low, 100 is critical, and no level is skipped."""
    levels = [severity_of(score, SeverityThresholds(*limits)) for score in range(101)]
    assert list(dict.fromkeys(levels)) == IN_ORDER
