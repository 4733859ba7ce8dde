"""`kill -9` at any moment of a burst, and what the next start makes of it."""

import sqlite3
from pathlib import Path

import pytest

from benchmarks._daemon import Daemon, running
from benchmarks._instant_detector import instant_detector
from benchmarks._pictures import distinct_jpegs

BURST = 200
SETTINGS = {
    "detector": "rtdetr",
    "settle_seconds": 0.2,
    "batch_window_seconds": 5,
    "batch_idle_timeout_seconds": 1,
    "log_level": "ERROR",
}

DETECTIONS_EACH = 2
MOST_DETECTIONS = "SELECT max(n) FROM (SELECT count(*) AS n FROM detections GROUP BY upload_id)"
MOST_BATCHES = """
    SELECT max(n) FROM (SELECT count(DISTINCT batch_id) AS n FROM detections GROUP BY upload_id)
"""
UNJUDGED = "SELECT count(*) FROM batches WHERE id NOT IN (SELECT batch_id FROM events)"


def feed(folder: Path, count: int) -> None:
    """Put *count* different pictures into a camera's folder."""
    camera = folder / "front"
    camera.mkdir(exist_ok=True)
    for number, picture in enumerate(distinct_jpegs(count, width=320, height=240)):
        (camera / f"{number}.jpg").write_bytes(picture)


def answer(database: Path, question: str) -> int:
    """Return the one number that *question* asks for."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return int(connection.execute(question).fetchone()[0])


def check_that_all_is_there_once(daemon: Daemon) -> None:
    """Wait until all is judged; then everything must be there once."""
    daemon.wait_until(
        lambda status: status["uploads"]["arrived"] == BURST and not status["uploads"]["pending"]
    )
    status, database = daemon.status(), daemon.database()

    assert status["adds_up"]
    assert status["uploads"]["analysed"] == BURST
    assert answer(database, "SELECT count(*) FROM uploads") == BURST
    assert answer(database, "SELECT count(DISTINCT upload_id) FROM detections") == BURST
    assert answer(database, MOST_DETECTIONS) == DETECTIONS_EACH
    assert answer(database, MOST_BATCHES) == 1
    assert answer(database, "SELECT count(*) FROM detections WHERE batch_id IS NULL") == 0
    assert answer(database, "SELECT count(*) - count(DISTINCT batch_id) FROM events") == 0
    assert answer(database, UNJUDGED) == 0


@pytest.mark.parametrize("share", [0.02, 0.35, 0.8])
def test_a_killed_daemon_loses_nothing_and_does_nothing_twice(tmp_path: Path, share: float) -> None:
    """After the kill each upload has one set of detections and is in one event."""
    with instant_detector(tmp_path) as (url, _):
        with running(tmp_path / "house", rtdetr_url=url, **SETTINGS) as daemon:
            feed(daemon.folder, BURST)
            daemon.wait_until(lambda status: status["uploads"]["arrived"] >= share * BURST)
            daemon.kill()
        with running(tmp_path / "house", rtdetr_url=url, **SETTINGS) as daemon:
            check_that_all_is_there_once(daemon)
