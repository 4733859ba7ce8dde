"""The daemon as a process: how it starts, how it stops, and what it says when it can't."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks._daemon import running
from benchmarks._instant_detector import instant_detector
from benchmarks._pictures import distinct_jpegs


def run_again(base: Path) -> subprocess.CompletedProcess[str]:
    """Run a daemon with the configuration in *base* to its end."""
    command = [sys.executable, "-m", "hsid.cli.hsid", "run", "--config", str(base / "hsid.toml")]
    return subprocess.run(
        command, cwd=base, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_in_mid_burst(tmp_path: Path, number: signal.Signals) -> None:
    """Exit 0, nothing leased any more, and nothing lost: the next start goes on."""
    with instant_detector(tmp_path) as (url, _):
        settings = {"detector": "rtdetr", "rtdetr_url": url, "batch_idle_timeout_seconds": 1}
        with running(tmp_path / "house", **settings) as daemon:
            camera = daemon.folder / "front"
            camera.mkdir()
            for index, picture in enumerate(distinct_jpegs(60, width=320, height=240)):
                (camera / f"{index}.jpg").write_bytes(picture)
            daemon.wait_until(lambda status: status["uploads"]["arrived"] > 5)
            daemon.process.send_signal(number)
            assert daemon.process.wait(timeout=30) == 0
            with sqlite3.connect(daemon.database()) as connection:
                leased = "SELECT count(*) FROM queue_entries WHERE token IS NOT NULL"
                assert connection.execute(leased).fetchone() == (0,)
        assert not daemon.socket_path.exists()
        with running(tmp_path / "house", **settings) as daemon:
            daemon.wait_until(lambda status: status["uploads"]["analysed"] == 60)


def test_a_second_daemon_on_the_same_data_is_refused(tmp_path: Path) -> None:
    """It says which process has the data, exits with 1, and leaves the first one alone."""
    with running(tmp_path) as daemon:
        second = run_again(tmp_path)

        assert second.returncode == 1
        assert str(daemon.process.pid) in second.stderr
        assert daemon.uploads()["arrived"] == 0


def test_a_missing_watch_root_is_shown_and_mended_by_itself(tmp_path: Path) -> None:
    """The watcher alone is down; when the folder is there, it works."""
    with running(tmp_path) as daemon:
        daemon.folder.rmdir()
        daemon.wait_until(lambda status: watcher_of(status)["state"] != "ready")
        assert "watch root" in watcher_of(daemon.status())["last_error"]

        (daemon.folder / "front").mkdir(parents=True)
        (picture,) = distinct_jpegs(1, width=320, height=240)
        (daemon.folder / "front" / "a.jpg").write_bytes(picture)
        daemon.wait_until(lambda status: status["uploads"]["arrived"] == 1)


def test_a_damaged_database_is_refused_in_words(tmp_path: Path) -> None:
    """It is never silently run on, and never replaced."""
    with running(tmp_path) as daemon:
        database = daemon.database()
    damaged = b"not a database at all" * 500
    database.write_bytes(damaged)

    refused = run_again(tmp_path)

    assert refused.returncode == 78
    assert "security.db" in refused.stderr
    assert database.read_bytes() == damaged


def test_a_bad_configuration_is_refused_with_its_line(tmp_path: Path) -> None:
    """Exit 78, the line, and what was probably meant."""
    (tmp_path / "hsid.toml").write_text('data_dir = "data"\nsetle_seconds = 3\n')

    refused = run_again(tmp_path)

    assert refused.returncode == 78
    assert "hsid.toml:2" in refused.stderr
    assert "settle_seconds" in refused.stderr


def watcher_of(status: dict) -> dict:
    """Return the watcher's line of the status."""
    (actor,) = [actor for actor in status["actors"] if actor["path"] == "pipeline/watcher"]
    return actor
