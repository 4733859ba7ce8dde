"""What a check has to say. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad a finding is."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    WARN = "WARN"
    """hsid works; its owner should look at it."""
    FAIL = "FAIL"
    """hsid does not work as it is set up, or not all of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What *check* found. *fix* says what to do, in words or in lines to copy."""

    check: str
    verdict: Verdict
    summary: str
    fix: str | None = None


def passed(check: str, summary: str) -> Finding:
    """Return the finding that all is well."""
    return Finding(check, Verdict.PASS, summary)


def warned(check: str, summary: str, fix: str) -> Finding:
    """Return the finding of something to look at."""
    return Finding(check, Verdict.WARN, summary, fix)


def failed(check: str, summary: str, fix: str) -> Finding:
    """Return the finding of something to mend."""
    return Finding(check, Verdict.FAIL, summary, fix)


def worst(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict among *findings*; PASS if there are none."""
    verdicts = {finding.verdict for finding in findings}
    return next((each for each in (Verdict.FAIL, Verdict.WARN) if each in verdicts), Verdict.PASS)
