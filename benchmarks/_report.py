"""The one shape in which every benchmark reports."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import hsid


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure held against what was promised. *value* and *goal* share a unit.

    One that could not be measured has neither value nor verdict.
    """

    name: str
    value: float | None
    goal: float
    met: bool | None


def at_most(name: str, value: float, goal: float) -> Goal:
    """Return the goal that *value* does not pass *goal*."""
    return Goal(name, round(value, 3), goal, value <= goal)


def at_least(name: str, value: float, goal: float) -> Goal:
    """Return the goal that *value* comes up to *goal*."""
    return Goal(name, round(value, 3), goal, value >= goal)


def not_measured(name: str, goal: float) -> Goal:
    """Return the goal of which nothing can be told: what it needs is not there."""
    return Goal(name, None, goal, None)


def print_report(name: str, raw: dict[str, object], goals: Sequence[Goal]) -> None:
    """Print the document of the benchmark called *name*."""
    document = {
        "benchmark": name,
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()}",
            "hsid": hsid.__version__,
        },
        "raw": raw,
        "goals": [asdict(goal) for goal in goals],
    }
    print(json.dumps(document, indent=2))


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the middle and the edges of *values*."""
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "min": round(ordered[0], 3),
        "p50": round(statistics.median(ordered), 3),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 3),
        "max": round(ordered[-1], 3),
    }
