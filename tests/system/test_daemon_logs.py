"""The log of a whole daemon, as it stands in its database."""

import logging
import time
from contextlib import closing
from functools import partial

from benchmarks._daemon import running
from hsid.store import logs
from hsid.store.database import open_read_only


def stored(path, query=logs.LogQuery()):  # noqa: B008 - frozen
    with closing(open_read_only(path)) as database, database.snapshot() as conn:
        return [each.line for each in logs.search(conn, query, 10_000)]


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return result


def test_a_daemon_stores_its_log_and_storing_it_logs_nothing(tmp_path):
    """Even where all SQL is logged: each line stored would otherwise be another one to store."""
    with running(tmp_path / "house", log_level="DEBUG", debug=True) as daemon:
        path = daemon.database()
        lines = wait_for(lambda: [x for x in stored(path) if x.event == "supervisor_ready"])
        assert lines[0].logger == "supervision"
        log_file = path.parent / "logs" / "hsid.log"
        wait_for(lambda: "INSERT INTO logs" in log_file.read_text())
        assert not {x.logger for x in stored(path) if x.logger.startswith("sqlalchemy")}


def test_what_a_daemon_says_of_an_upload_can_be_found_by_its_camera(tmp_path):
    """By level, logger and camera, while it runs."""
    (tmp_path / "house" / "cameras" / "yard").mkdir(parents=True)
    with running(tmp_path / "house") as daemon:
        (daemon.folder / "yard" / "a.jpg").write_bytes(b"no picture")
        of_camera = partial(stored, daemon.database(), logs.LogQuery(level=logging.WARNING))
        lines = wait_for(lambda: [x for x in of_camera() if x.event == "upload_refused"])
    assert lines[0].logger == "actors.watcher"
    assert lines[0].fields["path"] == "yard/a.jpg"
