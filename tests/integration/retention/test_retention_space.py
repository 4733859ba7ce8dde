"""Room: pages go back to the disk, and a full disk is no obstacle to making some."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hsid.store import space
from hsid.store.errors import StoreUnavailableError
from tests.integration.retention.conftest import DAY, Home


def names(items, kind):
    return [item.name for item in items if item.kind == kind]


def measure(home):
    with home.database.transaction() as conn:
        return space.measure(conn)


def test_pages_are_given_back_a_few_at_a_time(home):
    """The file gets shorter by no more than was asked for at once, and in the end by all."""
    with home.database.transaction() as conn:
        conn.exec_driver_sql("CREATE TABLE filler (words TEXT)")
        conn.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
            " INSERT INTO filler SELECT hex(randomblob(500)) FROM n"
        )
    with home.database.transaction() as conn:
        conn.exec_driver_sql("DROP TABLE filler")
    before = measure(home)
    assert before.is_returnable
    assert before.spare > 200 * 4096
    with home.database.transaction() as conn:
        left = space.give_back(conn, 100)
    assert measure(home).spare == left * 4096 == before.spare - 100 * 4096
    home.judged("gate/1.jpg", days=1)
    home.sweep()
    assert measure(home).spare == 0


def test_a_sweep_makes_the_file_shorter(home):
    """What a month of a busy camera took is the disk's again."""
    members = [home.see(f"gate/{n}.jpg", days=40, count=400) for n in range(5)]
    home.batch("busy", "gate", *members, summary="x" * 100_000)
    before = measure(home)
    home.sweep()
    after = measure(home)
    assert after.in_use + after.spare < before.in_use - 200_000
    assert after.spare == 0


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 12 MB that is mounted where the test's data lie; only root may."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "hsid-test", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607 - wherever it is


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def test_history_goes_although_the_disk_is_full(small_disk, monkeypatch):
    """Nothing can be written any more, but deleting has its room, and writing goes on after it."""
    home = Home(small_disk)
    for n in range(60):
        home.judged(f"gate/{n}.jpg", days=40, count=40)
    home.judged("gate/young.jpg", days=1)
    home.log("security.log.1", days=30, size=10_000)
    fill(small_disk)
    with pytest.raises((StoreUnavailableError, OSError)):
        home.judged("gate/no room.jpg", days=1, summary="x" * 200_000)
    result, _ = home.sweep()
    assert result.counts["batch"] == 60
    assert home.adds_up()
    home.database.close()


def test_a_free_space_floor_takes_history_until_the_floor_is_reached(small_disk):
    """The disk is short by a little: a little of the oldest goes, and the rest stays."""
    home = Home(small_disk)
    for n in range(60):
        home.judged(f"gate/{n:02}.jpg", days=20 - n / 10, count=60)
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    result, items = home.sweep(min_free_bytes=free + 60_000, keep_for=30 * DAY)
    assert {item.reason for item in items} == {"space"}
    assert 0 < result.counts["batch"] < 20
    home.database.close()


def _used(home):
    from hsid.store import space  # noqa: PLC0415 - here alone

    with home.database.transaction() as conn:
        return space.measure(conn).in_use + space.log_size(home.path)


def test_a_busy_camera_makes_the_room_and_the_quiet_one_keeps_its_history(home):
    """Above the cap the oldest of the largest goes, and no more of it than is asked for."""
    for n in range(40):
        home.judged(f"busy/{n:02}.jpg", days=25 - n / 10, count=30)
    home.judged("quiet/1.jpg", days=29)
    home.judged("busy/now.jpg", days=0.2)
    used = _used(home)
    _, items = home.sweep(max_bytes=used - 50_000)
    gone = names(items, "batch")
    assert gone == [f"batch of busy/{n:02}.jpg" for n in range(len(gone))]
    assert {item.reason for item in items} == {"size"}
    assert 5 <= len(gone) <= 15
    assert _used(home) < used
    assert home.adds_up()


def test_an_unfinished_backup_goes_after_its_time_of_grace(home):
    """A crash left it; a finished one, and one that may be being written, stay."""
    home.judged("gate/1.jpg", days=1)
    for name, hours in (("a.backup.part", 2), ("b.backup.part", 0.5), ("c.backup", 99)):
        path = home.data / f"security.db.schema-{name}"
        path.touch()
        moment = (datetime(2026, 3, 1, 12, tzinfo=UTC) - timedelta(hours=hours)).timestamp()
        os.utime(path, (moment, moment))
    _, items = home.sweep()
    assert names(items, "leftover") == ["security.db.schema-a.backup.part"]
