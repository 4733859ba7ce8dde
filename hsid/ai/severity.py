"""The one place where a risk score becomes a level."""

from dataclasses import dataclass

from hsid.model import Severity

MAX_SCORE = 100


class SeverityThresholdsError(ValueError):
    """The thresholds leave a level without scores; the configuration is at fault."""


class RiskScoreError(ValueError):
    """The score is no whole number from 0 to 100; whoever made it is at fault."""


@dataclass(frozen=True, slots=True)
class SeverityThresholds:
    """The highest score of each level but the last. Every level has at least one score."""

    low_max: int = 29
    medium_max: int = 59
    high_max: int = 84

    def __post_init__(self) -> None:
        if not 0 <= self.low_max < self.medium_max < self.high_max < MAX_SCORE:
            raise SeverityThresholdsError(
                f"0 <= low < medium < high < {MAX_SCORE} is needed,"
                f" not {self.low_max}, {self.medium_max}, {self.high_max}"
            )


def severity_of(score: int, thresholds: SeverityThresholds) -> Severity:
    """Return the level of *score*; raise `RiskScoreError` outside 0 to 100: nothing is clamped."""
    if not 0 <= score <= MAX_SCORE:
        raise RiskScoreError(f"a risk score is 0 to {MAX_SCORE}, not {score}")
    if score <= thresholds.low_max:
        return Severity.LOW
    if score <= thresholds.medium_max:
        return Severity.MEDIUM
    if score <= thresholds.high_max:
        return Severity.HIGH
    return Severity.CRITICAL
