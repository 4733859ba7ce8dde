"""How usual a sight is, out of what a camera has seen in the same hour of earlier weeks."""

from typing import Final

from hsid.model import Baseline

ENOUGH_WEEKS: Final = 4
"""A camera that has seen less knows nothing yet: what it never saw may only have had no chance."""


def usual_per_day(baseline: Baseline) -> float | None:
    """Return how many times the class is seen in this hour of such a day; None: not known yet.

    It never falls when the class was seen more often. The week in question has no part in it, so
    that nobody becomes usual by coming back within the hour, and a batch not by being judged again.
    """
    if baseline.weeks < ENOUGH_WEEKS:
        return None
    return baseline.times / baseline.weeks
