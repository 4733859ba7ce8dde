"""How long the room lasts at the rate of the last days. Pure.

A forecast, no promise: cameras see more in summer, and a file written over counts as another one.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import inf

from hsid.retention_policy.decision import Limits, Situation

LATELY = timedelta(days=7)
"""The days whose rate is taken, if there are so many and they are kept so long."""
ENOUGH = timedelta(days=2)
"""Younger than this a house has no rate yet."""

_DAY = timedelta(days=1)


class Outlook(StrEnum):
    """What is to be expected."""

    UNKNOWN = "unknown"
    """The house has not seen enough days."""
    AT_THE_LIMIT = "at_the_limit"
    """The limit is reached: retention keeps to it by taking the oldest early."""
    FILLING = "filling"
    """The limit will be reached in so many days."""
    STEADY = "steady"
    """As much goes by its age as comes, before any limit is reached."""


class Limit(StrEnum):
    """Which limit it is."""

    SIZE = "size"
    """`retention_max_bytes`."""
    SPACE = "space"
    """`retention_min_free_bytes`; unset, the end of the disk."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Uploads that arrived lately, the *bytes* of their files, and all that are *kept* in full."""

    lately: int
    bytes: int
    kept: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """*days_left* until *limit*; both are None if it is unknown or steady."""

    outlook: Outlook
    days_left: float | None = None
    limit: Limit | None = None


def window(limits: Limits, situation: Situation) -> timedelta:
    """Return the time before now whose arrivals give the rate."""
    return min(LATELY, limits.keep_for, max(_history(situation), _DAY))


def forecast(limits: Limits, situation: Situation, arrivals: Arrivals) -> Forecast:
    """Return how long the room lasts.

    With *a* uploads and *f* bytes of their files in the *d* days of `window`, and *k* uploads that
    are younger than `retention_days`, among which all that is kept (database, thumbnails, clips:
    *b* bytes) is spread evenly:

        own rate       r = b * a / k / d      bytes a day; logs and backups have bounds of their own
        files' rate    o = f / d              where cameras write to the disk of the database

    What hsid keeps grows by r a day until its history is `retention_days` long, in s days; from
    then on as much goes as comes. Files grow for ever unless `delete_images` is set. So

        size:   room m = retention_max_bytes - used,    m / r days if that is no more than s
        space:  room m = free - retention_min_free_bytes (0 if unset), m / (r + o) days if that is
                no more than s, else s + (m - (r + o) * s) / o

    and the earlier of the two is the answer. No room left is 0 days: at the limit.
    """
    history = _history(situation)
    if history < ENOUGH:
        return Forecast(Outlook.UNKNOWN)
    days = window(limits, situation) / _DAY
    own = _spread(situation) * arrivals.lately / max(1, arrivals.kept) / days
    files = arrivals.bytes / days if situation.has_files_beside else 0.0
    steady_in = max(timedelta(0), limits.keep_for - history) / _DAY
    left = {
        Limit.SIZE: _days(_room_below_cap(limits, situation), own, 0.0, steady_in),
        Limit.SPACE: _days(
            _room_on_disk(limits, situation),
            (own if situation.is_local else 0.0) + (files if limits.delete_images else 0.0),
            0.0 if limits.delete_images else files,
            steady_in,
        ),
    }
    limit = min(left, key=lambda each: left[each])
    if left[limit] == inf:
        return Forecast(Outlook.STEADY)
    outlook = Outlook.FILLING if left[limit] > 0 else Outlook.AT_THE_LIMIT
    return Forecast(outlook, left[limit], limit)


def _history(situation: Situation) -> timedelta:
    first = situation.first_arrival
    return timedelta(0) if first is None else situation.now - first


def _spread(situation: Situation) -> int:
    return situation.database_bytes + sum(situation.media.values())


def _room_below_cap(limits: Limits, situation: Situation) -> float:
    return inf if limits.max_bytes is None else limits.max_bytes - situation.used_bytes


def _room_on_disk(limits: Limits, situation: Situation) -> float:
    return situation.free_bytes + situation.spare_bytes - (limits.min_free_bytes or 0)


def _days(room: float, bounded: float, endless: float, steady_in: float) -> float:
    """Return when *room* is used up at two rates, the first of which ends *steady_in* days."""
    if room <= 0:
        return 0.0
    both = bounded + endless
    if both > 0 and room / both <= steady_in:
        return room / both
    return steady_in + (room - both * steady_in) / endless if endless > 0 else inf
