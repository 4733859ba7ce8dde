"""The weights of the rule engine: every number that a score is made of.

Four things add points, 100 together; four things scale their sum down, by a factor from 0 to 1.
Each is a function that never falls when what it is given gets more alarming, and so the score never
falls. `docs/rules.md` shows the same numbers as tables.
"""

from datetime import time
from itertools import pairwise
from math import exp
from typing import Final

from hsid.ai.kinds import Kind
from hsid.model import Place, Seconds

PLACE_POINTS: Final = {
    Place.STREET: 8.0,
    Place.DRIVEWAY: 25.0,
    Place.YARD: 27.0,
    Place.ENTRANCE: 29.0,
    Place.INDOOR: 32.0,
}
UNKNOWN_PLACE: Final = Place.YARD
"""A camera nobody has given a place counts as one on the property."""

HOUR_POINTS: Final = 38.0
NIGHT: Final = (
    (0, 0.85),
    (1, 1.0),
    (5, 1.0),
    (7, 0.0),
    (17, 0.0),
    (20, 0.2),
    (22, 0.5),
    (24, 0.85),
)
"""Hour of the day and how much of a night hour it is; straight lines between."""

DWELL_POINTS: Final = 17.0
DWELL_SCALE: Final[Seconds] = 30.0

PEOPLE_POINTS: Final = (0.0, 0.0, 8.0, 11.0, 13.0)
"""By the number of people in one picture; the last counts for more people as well."""

KIND_FACTOR: Final = {Kind.PERSON: 1.0, Kind.VEHICLE: 0.6, Kind.THING: 0.25, Kind.ANIMAL: 0.15}

EVERYDAY_FACTOR: Final = 0.35
UNKNOWN_USUAL_FACTOR: Final = 0.9

SURE_CONFIDENCE: Final = 0.8
CONFIDENCE_PER_PICTURE: Final = 0.04
CONFIDENCE_BY_PICTURES: Final = 0.2

TINY_FACTOR: Final = 0.8
NEAR_SHARE: Final = 0.05


def hour_points(local: time) -> float:
    """Return the points of the time of day *local*, on the camera's clock."""
    hour = local.hour + local.minute / 60
    (start, low), (end, high) = next(
        (left, right) for left, right in pairwise(NIGHT) if left[0] <= hour < right[0]
    )
    return HOUR_POINTS * (low + (high - low) * (hour - start) / (end - start))


def dwell_points(dwell: Seconds) -> float:
    """Return the points of staying for *dwell*: two thirds of them after `DWELL_SCALE`."""
    return DWELL_POINTS * (1 - exp(-dwell / DWELL_SCALE))


def people_points(people: int) -> float:
    """Return the points of *people* being in one picture."""
    return PEOPLE_POINTS[min(people, len(PEOPLE_POINTS) - 1)]


def usual_factor(usual_per_day: float | None) -> float:
    """Return 1 for what is never seen in this hour, `EVERYDAY_FACTOR` for what always is."""
    if usual_per_day is None:
        return UNKNOWN_USUAL_FACTOR
    return EVERYDAY_FACTOR + (1 - EVERYDAY_FACTOR) * exp(-usual_per_day)


def sureness_factor(best_confidence: float, pictures: int) -> float:
    """Return how far to trust a sighting; each further picture of the same makes it surer."""
    more = min((pictures - 1) * CONFIDENCE_PER_PICTURE, CONFIDENCE_BY_PICTURES)
    return min(1.0, (best_confidence + more) / SURE_CONFIDENCE)


def size_factor(area_share: float) -> float:
    """Return `TINY_FACTOR` for a speck in the distance, 1 for what is near."""
    return TINY_FACTOR + (1 - TINY_FACTOR) * min(1.0, area_share / NEAR_SHARE)
