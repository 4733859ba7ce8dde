"""When a picture was taken: EXIF, else its name, else its mtime, else its arrival. Pure.

A camera whose clock is wrong must not throw its pictures into another batch or year: a time before
2000, or later than the arrival by more than a few minutes, falls through to the next source.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from hsid.model import CaptureSource

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Clocks that never were set start at 1970 or at this very moment: it is out as well."""
CLOCK_TOLERANCE = timedelta(minutes=5)

# 20260911-123100, 2026-09-11_12-31-00, 20260911123100123, 2026-09-11T12:31:00.5Z and the like.
_NAMED = re.compile(
    rb"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)(?:[T @_.-]|_-_)?(\d\d)([-_.:]?)(\d\d)\6(\d\d)"
    rb"(?:[.,]?\d{3,6})?(?!\d)(Z(?![A-Za-z]))?"
)
# Only a name that is nothing but a number is taken for seconds (or milliseconds) since 1970.
_EPOCH = re.compile(rb"(1\d{9})(?:\d{3}|\.\d+)?\.[A-Za-z0-9]+")


def capture_time(
    taken: datetime | None,
    name: bytes,
    mtime_ns: int,
    received_at: datetime,
    zone: tzinfo | None,
) -> tuple[datetime, CaptureSource]:
    """Return the best time known in UTC, and where it was read.

    Args:
        taken: What EXIF says; naive means local time of the camera.
        name: The file's name without folders.
        mtime_ns: The file's time of last change, which its writer may have set.
        received_at: When the file was found complete.
        zone: The zone of the camera's clock; None for this machine's.
    """
    candidates = (
        (taken, CaptureSource.EXIF),
        (_time_in_name(name), CaptureSource.NAME),
        (_time_of_ns(mtime_ns), CaptureSource.MTIME),
    )
    latest = received_at + CLOCK_TOLERANCE
    for found, source in candidates:
        moment = None if found is None else _to_utc(found, zone, latest)
        if moment is not None and EARLIEST < moment <= latest:
            return moment, source
    return received_at.astimezone(UTC), CaptureSource.ARRIVAL


def _to_utc(moment: datetime, zone: tzinfo | None, latest: datetime) -> datetime | None:
    """Return *moment* in UTC, None where its year alone rules it out.

    Of an hour that comes twice the first is meant; one that never comes is read as if the clock
    had not been put forward yet.
    """
    # Years at the ends of the calendar would overflow below.
    if not EARLIEST.year - 1 <= moment.year <= latest.year + 1:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone, fold=0)
    return moment.astimezone(UTC)


def _time_in_name(name: bytes) -> datetime | None:
    moments = (_moment(match) for match in _NAMED.finditer(name))
    return next(filter(None, moments), None) or _epoch_name(name)


def _moment(match: re.Match[bytes]) -> datetime | None:
    year, _, month, day, hour, _, minute, second, zulu = match.groups()
    fields = (int(field) for field in (year, month, day, hour, minute, second))
    try:
        return datetime(*fields, tzinfo=UTC if zulu else None)  # type: ignore[arg-type,misc]
    except ValueError:
        return None


def _epoch_name(name: bytes) -> datetime | None:
    match = _EPOCH.fullmatch(name)
    return None if match is None else datetime.fromtimestamp(int(match[1]), UTC)


def _time_of_ns(nanoseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    except (OverflowError, ValueError, OSError):
        return None
