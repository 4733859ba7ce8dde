"""The daemon on a disk that is full, locked or read-only: what it does then, and afterwards."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from benchmarks._daemon import Daemon, running
from benchmarks._instant_detector import instant_detector
from benchmarks._pictures import distinct_jpegs

SETTINGS = {
    "detector": "rtdetr",
    "settle_seconds": 0.2,
    "batch_window_seconds": 5,
    "batch_idle_timeout_seconds": 1,
    "rescan_interval_seconds": 10,
    "log_level": "ERROR",
}
DISK_MIB = 20

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


@pytest.fixture
def detector(tmp_path: Path) -> Iterator[dict[str, object]]:
    folder = tmp_path / "detector"
    folder.mkdir()
    with instant_detector(folder) as (url, _):
        yield SETTINGS | {"rtdetr_url": url}


class SmallDisk:
    """A disk of DISK_MIB that holds the daemon's data folder."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._ballast = place / "ballast"

    def fill(self) -> None:
        """Leave not a block free."""
        # Until it is full: that is the aim.
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(64 * 1024))

    def empty(self) -> None:
        self._ballast.unlink()

    def make_read_only(self) -> None:
        """Remount it, as long as nobody has a file open there for writing."""
        _as_root("mount", "-o", "remount,ro", str(self._place))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    place = tmp_path / "house" / "data"
    place.mkdir(parents=True)
    _as_root("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(place))
    yield SmallDisk(place)
    _as_root("umount", "--lazy", str(place))


def _as_root(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def feed(folder: Path, *numbers: int) -> None:
    """Put pictures into a camera's folder, each different from all others."""
    camera = folder / "front"
    camera.mkdir(exist_ok=True)
    pictures = list(distinct_jpegs(max(numbers) + 1, width=320, height=240))
    for number in numbers:
        (camera / f"{number}.jpg").write_bytes(pictures[number])


def run_again(base: Path) -> subprocess.CompletedProcess[str]:
    """Run a daemon with the configuration in *base* to its end."""
    command = [sys.executable, "-m", "hsid.cli.hsid", "run", "--config", str(base / "hsid.toml")]
    return subprocess.run(
        command, cwd=base, capture_output=True, text=True, timeout=60, check=False
    )


def wait_until_all_is_judged(daemon: Daemon, count: int) -> None:
    daemon.wait_until(lambda status: status["uploads"]["analysed"] == count and status["adds_up"])
    daemon.wait_until(lambda status: status["health"]["state"] == "ok")


@needs_root
def test_a_full_disk_costs_time_and_no_upload(
    tmp_path: Path, disk: SmallDisk, detector: dict[str, object]
) -> None:
    """The folder is the backlog meanwhile; what is freed is used at once."""
    with running(tmp_path / "house", **detector) as daemon:
        feed(daemon.folder, 0, 1)
        wait_until_all_is_judged(daemon, 2)
        disk.fill()
        feed(daemon.folder, 2, 3, 4)
        daemon.wait_until(lambda status: "full" in "".join(status["health"]["troubles"]))
        assert daemon.uploads()["arrived"] == 2

        disk.empty()
        wait_until_all_is_judged(daemon, 5)
        assert daemon.process.poll() is None


@needs_root
def test_a_read_only_disk_is_refused_at_the_start_in_words(
    tmp_path: Path, disk: SmallDisk, detector: dict[str, object]
) -> None:
    """As after an error of the disk: nothing works half, and the log names the file."""
    with running(tmp_path / "house", **detector) as daemon:
        feed(daemon.folder, 0)
        wait_until_all_is_judged(daemon, 1)
    disk.make_read_only()

    refused = run_again(tmp_path / "house")

    assert refused.returncode == 1
    assert "read-only" in refused.stderr.lower().replace("read only", "read-only")


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that turns read-only under whoever writes to it, as after an error; by `fail`."""
    image, place = tmp_path / "disk.img", tmp_path / "house" / "data"
    place.mkdir(parents=True)
    with image.open("wb") as file:
        file.truncate(DISK_MIB << 20)
    try:
        _as_root("mkfs.ext4", "-q", str(image))
        _as_root("mount", "-o", "loop", str(image), str(place))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine has no loop devices, or no ext4")
    yield place
    _as_root("umount", "--lazy", str(place))


@needs_root
def test_a_disk_that_turns_read_only_costs_time_and_no_upload(
    tmp_path: Path, failing_disk: Path, detector: dict[str, object]
) -> None:
    """The daemon says so and goes on looking; on the mended disk everything is taken in."""
    logs = {"log_file_path": str(tmp_path / "house" / "hsid.log")}
    with running(tmp_path / "house", **detector, **logs) as daemon:
        feed(daemon.folder, 0, 1)
        wait_until_all_is_judged(daemon, 2)
        _as_root("mount", "-o", "remount,abort", str(failing_disk))
        feed(daemon.folder, 2, 3)
        daemon.wait_until(lambda status: "database" in "".join(status["health"]["troubles"]))
        assert daemon.process.poll() is None
    _as_root("umount", "--lazy", str(failing_disk))
    _as_root("mount", "-o", "loop", str(tmp_path / "disk.img"), str(failing_disk))

    with running(tmp_path / "house", **detector, **logs) as daemon:
        wait_until_all_is_judged(daemon, 4)


def test_a_foreign_lock_of_20_seconds_costs_time_and_no_upload(
    tmp_path: Path, detector: dict[str, object]
) -> None:
    """Somebody looks into the file with a tool that writes: hsid waits for its turn, visibly."""
    with running(tmp_path / "house", **detector) as daemon:
        with closing(sqlite3.connect(daemon.database(), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            since = time.monotonic()
            feed(daemon.folder, 0, 1, 2)
            daemon.wait_until(lambda status: "write lock" in "".join(status["health"]["troubles"]))
            assert daemon.uploads()["arrived"] == 0  # what only reads is served meanwhile
            time.sleep(since + 20 - time.monotonic())
            other.execute("ROLLBACK")
        wait_until_all_is_judged(daemon, 3)
        assert daemon.process.poll() is None


def test_a_damaged_database_ends_the_start_with_the_remedy(
    tmp_path: Path, detector: dict[str, object]
) -> None:
    """Exit 78: a service manager does not try it over and over, and nothing is written to it."""
    with running(tmp_path / "house", **detector) as daemon:
        feed(daemon.folder, 0)
        wait_until_all_is_judged(daemon, 1)
    with daemon.database().open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 3)
    damaged = daemon.database().read_bytes()

    refused = run_again(tmp_path / "house")

    assert refused.returncode == 78
    assert "put a backup in its place" in refused.stderr
    assert daemon.database().read_bytes() == damaged
