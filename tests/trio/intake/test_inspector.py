"""The inspector's promises to its caller: records, threads, cancellation."""

import hashlib
import io
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from PIL import Image

from hsid.intake.errors import UnknownTimezoneError
from hsid.intake.hints import Stamp
from hsid.intake.inspection import Changed, Limits
from hsid.intake.inspector import Inspector
from hsid.model import Arrival, Camera, CaptureSource, FileVersion, RefusalReason

NOW = datetime(2026, 9, 11, 12, 0, tzinfo=UTC)
NAME = "MDAlarm_20260911-123100.jpg"
BERLIN = Camera("front_door", "Haustür", timezone="Europe/Berlin")


def build_inspector(root: Path, **options) -> Inspector:
    """Return an inspector whose clock stands still."""
    return Inspector(root, Limits(10**6, 10**6), now=lambda: NOW, **options)


def write_picture(path: Path) -> tuple[bytes, Stamp]:
    """Write a picture and return its content and stamp."""
    path.parent.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, "JPEG")
    path.write_bytes(buffer.getvalue())
    return buffer.getvalue(), Stamp.of(path.stat())


async def test_an_arrival_says_all_there_is_to_say(tmp_path: Path) -> None:
    """Version, camera, times, type and fingerprint are those of the file."""
    content, stamp = write_picture(tmp_path / "Front Door" / NAME)
    inspector = build_inspector(tmp_path, cameras=[BERLIN])

    assert await inspector.inspect(f"Front Door/{NAME}".encode(), stamp) == Arrival(
        version=FileVersion(f"Front Door/{NAME}", stamp.inode, stamp.size, stamp.mtime_ns),
        camera_id="front_door",
        received_at=NOW,
        captured_at=datetime(2026, 9, 11, 10, 31, tzinfo=UTC),
        capture_source=CaptureSource.NAME,
        mime_type="image/jpeg",
        sha256=hashlib.sha256(content).hexdigest(),
        camera_name=BERLIN.name,
    )


async def test_exif_is_believed_before_the_name(tmp_path: Path) -> None:
    """The date inside a picture is the camera's own."""
    exif = Image.Exif()
    exif[0x8769] = {0x9003: "2026:09:10 08:00:00"}
    Image.new("RGB", (8, 8)).save(tmp_path / NAME, exif=exif)
    inspector = build_inspector(tmp_path, cameras=[Camera("unassigned", "?", timezone="UTC")])
    arrival = await inspector.inspect(NAME.encode(), Stamp.of((tmp_path / NAME).stat()))

    assert arrival.capture_source is CaptureSource.EXIF
    assert arrival.captured_at == datetime(2026, 9, 10, 8, tzinfo=UTC)


async def test_a_vanished_file_is_an_arrival_in_the_version_seen(tmp_path: Path) -> None:
    """It was complete once, so it is accounted for."""
    arrival = await build_inspector(tmp_path).inspect(b"cam/a.jpg", Stamp(1, 2, 3))

    assert arrival.refusal is RefusalReason.VANISHED
    assert arrival.version == FileVersion("cam/a.jpg", 1, 2, 3)
    assert arrival.sha256 is None


async def test_another_version_is_no_arrival(tmp_path: Path) -> None:
    """It goes back to settling."""
    _, stamp = write_picture(tmp_path / "a.jpg")
    old = Stamp(stamp.inode, 1, stamp.mtime_ns)

    assert await build_inspector(tmp_path).inspect(b"a.jpg", old) == Changed(b"a.jpg", old)


async def test_the_content_of_a_version_is_read_back(tmp_path: Path) -> None:
    """The detector gets the bytes that were inspected."""
    content, stamp = write_picture(tmp_path / "a.jpg")

    assert await build_inspector(tmp_path).read(stamp.version(b"a.jpg")) == content


async def test_looks_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    """A missing file leaves a gap, not a shift."""
    _, stamp = write_picture(tmp_path / "a.jpg")
    gone, found = await build_inspector(tmp_path).look([b"b.jpg", b"a.jpg"])

    assert gone is None
    assert found.stamp == stamp


async def test_no_more_files_are_read_at_a_time_than_allowed(tmp_path: Path) -> None:
    """However many inspections are asked for, the threads are bounded."""
    _, stamp = write_picture(tmp_path / "a.jpg")
    inspector = build_inspector(tmp_path, threads=2)
    most = 0
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(inspector.inspect, b"a.jpg", stamp)
        while nursery.child_tasks:
            most = max(most, inspector._limiter.borrowed_tokens)
            await trio.lowlevel.checkpoint()

    assert most == 2


async def test_a_cancelled_caller_leaves_at_once(tmp_path: Path, monkeypatch) -> None:
    """A file system that hangs holds up a thread, not the daemon's stop."""
    hang = threading.Event()
    monkeypatch.setattr("hsid.intake.inspector.inspect_file", lambda *_: hang.wait(10))
    inspector = build_inspector(tmp_path, threads=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inspector.inspect, b"a.jpg", Stamp(1, 1, 1))
        while not inspector._limiter.borrowed_tokens:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()

    assert inspector._limiter.borrowed_tokens == 1
    hang.set()


async def test_a_camera_without_a_zone_has_that_of_the_house(tmp_path: Path) -> None:
    """Its own zone wins where it has one."""
    cameras = [Camera("away", "Away", timezone="UTC"), Camera("home", "Home")]
    inspector = build_inspector(tmp_path, cameras=cameras, timezone="Europe/Berlin")
    paths = [f"{camera}/{NAME}".encode() for camera in ("away", "home", "unconfigured")]
    arrivals = [await inspector.inspect(path, Stamp(1, 2, 3)) for path in paths]

    # The one in UTC is later than the arrival, so that its mtime, and at last the arrival, is used.
    assert [arrival.captured_at.hour for arrival in arrivals] == [12, 10, 10]


async def test_an_unknown_zone_is_refused_at_the_start(tmp_path: Path) -> None:
    """A typing error in the configuration must not show as wrong times."""
    for zone in ("Europe/Berln", "../etc/passwd", ""):
        with pytest.raises(UnknownTimezoneError):
            build_inspector(tmp_path, cameras=[Camera("cam", "Cam", timezone=zone)])
        with pytest.raises(UnknownTimezoneError):
            build_inspector(tmp_path, timezone=zone)
