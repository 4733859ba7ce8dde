"""The capture time comes from the best source that can be right."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.intake.capture_time import CLOCK_TOLERANCE, EARLIEST, capture_time
from hsid.model import CaptureSource

ARRIVAL = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def capture(taken=None, name=b"a.jpg", mtime=ARRIVAL, arrival=ARRIVAL, zone=UTC):
    """Return the capture time from the given sources alone."""
    nanoseconds = mtime if isinstance(mtime, int) else int(mtime.timestamp()) * 10**9
    return capture_time(taken, name, nanoseconds, arrival, zone)


def local(*fields: int) -> datetime:
    """Return a naive time."""
    return datetime(*fields)  # noqa: DTZ001 - a camera's local time


def utc(*fields: int) -> datetime:
    """Return a time in UTC."""
    return datetime(*fields, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        b"MDAlarm_20260911-123100.jpg",
        b"HMDAlarm_20260911_123100.jpg",
        b"Schedule_20260911-123100.jpg",
        b"2026-09-11_12-31-00.jpg",
        b"2026-09-11 12.31.00.jpg",
        b"2026.09.11_12.31.00[M].jpg",
        b"20260911123100.jpg",
        b"Camera1_00_20260911123100.jpg",
        b"192.168.1.64_01_20260911123100123_MOTION_DETECTION.jpg",
        b"01-20260911123100-02.jpg",
        b"IMG_20260911_123100_1.jpg",
        b"2026-09-11T12:31:00Z.jpg",
        b"20260911T123100.250Z_front.jpg",
        b"caf\xe9_20260911-123100.jpg",
        b"99999999_20260911-123100.jpg",
        b"1789129860.jpg",
        b"1789129860.5.jpg",
        b"1789129860000.jpg",
    ],
)
def test_names_as_cameras_give_them_are_read(name: bytes) -> None:
    """Each pattern reads as 11 September 2026, 12:31:00."""
    assert capture(name=name) == (utc(2026, 9, 11, 12, 31), CaptureSource.NAME)


@pytest.mark.parametrize(
    "name",
    [
        b"a.jpg",
        b"29M00S60.mp4",
        b"20261311-123100.jpg",
        b"20260911-256100.jpg",
        b"120260911123100.jpg",
        b"20260911.jpg",
        b"snap_1789129860.jpg",
        b"19990101-000000.jpg",
    ],
)
def test_other_numbers_are_no_time(name: bytes) -> None:
    """A serial number is never taken for a date."""
    assert capture(name=name)[1] is CaptureSource.MTIME


def test_exif_wins_over_the_name_and_the_name_over_mtime() -> None:
    """The sources are asked best first."""
    name, mtime = b"20260911-123100.jpg", utc(2026, 9, 12)

    assert capture(local(2026, 9, 10), name, mtime) == (utc(2026, 9, 10), CaptureSource.EXIF)
    assert capture(None, name, mtime)[1] is CaptureSource.NAME
    assert capture(None, b"a.jpg", mtime) == (mtime, CaptureSource.MTIME)


def test_local_times_are_read_in_the_zone_of_the_camera() -> None:
    """12:31 in Berlin in September is 10:31 UTC."""
    assert capture(name=b"20260911-123100.jpg", zone=BERLIN)[0] == utc(2026, 9, 11, 10, 31)
    assert capture(local(2026, 1, 1, 12), zone=BERLIN)[0] == utc(2026, 1, 1, 11)


def test_without_a_zone_local_times_are_this_machines() -> None:
    """A camera without a configured zone is taken to stand where hsid runs."""
    expected = local(2026, 9, 11, 12, 31).astimezone(UTC)

    assert capture(name=b"20260911-123100.jpg", zone=None)[0] == expected


def test_a_time_with_its_own_offset_ignores_the_zone() -> None:
    """An EXIF offset and a Z in the name are exact."""
    taken = datetime(2026, 9, 11, 12, 31, tzinfo=timezone(timedelta(hours=-4)))

    assert capture(taken, zone=BERLIN)[0] == utc(2026, 9, 11, 16, 31)
    assert capture(name=b"20260911T123100Z.jpg", zone=BERLIN)[0] == utc(2026, 9, 11, 12, 31)


def test_the_hour_that_comes_twice_is_the_first() -> None:
    """02:30 on the day the clocks go back is still summer time."""
    assert capture(local(2026, 10, 25, 2, 30), zone=BERLIN)[0] == utc(2026, 10, 25, 0, 30)
    assert capture(local(2026, 10, 25, 2, 30).replace(fold=1), zone=BERLIN)[0].hour == 0


def test_the_hour_that_never_comes_is_read_as_winter_time() -> None:
    """02:30 on the day the clocks go forward is what a clock left alone shows at 01:30 UTC."""
    assert capture(local(2026, 3, 29, 2, 30), zone=BERLIN)[0] == utc(2026, 3, 29, 1, 30)


@pytest.mark.parametrize(
    "wrong",
    [utc(1970, 1, 1), EARLIEST, utc(2038, 1, 19), ARRIVAL + CLOCK_TOLERANCE + timedelta(seconds=1)],
)
def test_a_wrong_clock_falls_through_to_the_arrival(wrong: datetime) -> None:
    """1970, 2000, 2038 and the near future are no capture times."""
    name = wrong.strftime("%Y%m%d-%H%M%S.jpg").encode()

    assert capture(wrong, name, wrong) == (ARRIVAL, CaptureSource.ARRIVAL)


def test_a_clock_a_little_ahead_is_believed() -> None:
    """Up to five minutes are drift, not a wrong clock."""
    ahead = ARRIVAL + CLOCK_TOLERANCE

    assert capture(ahead) == (ahead, CaptureSource.EXIF)


def test_each_wrong_source_falls_to_the_next_alone() -> None:
    """One wrong clock doesn't spoil a right name."""
    found = capture(local(1970, 1, 1), b"20260911-123100.jpg", utc(2099, 1, 1))

    assert found == (utc(2026, 9, 11, 12, 31), CaptureSource.NAME)


@given(
    taken=st.none() | st.datetimes() | st.datetimes(timezones=st.timezones()),
    name=st.binary(max_size=60) | st.from_regex(rb"20\d{6}[-_]\d{6}.jpg", fullmatch=True),
    mtime=st.integers(-(2**70), 2**70),
    arrival=st.datetimes(
        min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
        max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - the same
        timezones=st.just(UTC),
    ),
    zone=st.none() | st.timezones(),
)
def test_the_result_is_always_plausible(taken, name, mtime, arrival, zone) -> None:
    """Whatever the sources say, the result is UTC, after 1999 and not in the future."""
    moment, source = capture(taken, name, mtime, arrival, zone)

    assert moment.tzinfo is UTC
    assert EARLIEST < moment <= arrival + CLOCK_TOLERANCE
    assert source is not CaptureSource.ARRIVAL or moment == arrival
