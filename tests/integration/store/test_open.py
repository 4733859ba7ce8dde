"""Opening the database without a daemon, and keeping a second daemon out."""

import os
import signal
import subprocess
import sys

import pytest
from sqlalchemy import text

from hsid.store.connect import database_path
from hsid.store.database import open_database, open_read_only
from hsid.store.errors import (
    DataDirLockedError,
    StoreUnavailableError,
    UnsupportedDatabaseError,
)
from hsid.store.lock import DataDirLock

HOLD = """
import sys, pathlib
from hsid.store.lock import DataDirLock
with DataDirLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def count_cameras(conn):
    return conn.scalar(text("SELECT count(*) FROM cameras"))


def add_camera(conn):
    conn.execute(text("INSERT INTO cameras (id, name) VALUES ('gate', 'Gate')"))


def files(path):
    return sorted(entry.name for entry in path.parent.iterdir())


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of the data directory."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_looking_leaves_nothing_behind(path):
    """A database at rest is read without log files, so the daemon finds none of a stranger's."""
    open_database(path).close()
    with open_read_only(path) as database, database.snapshot() as conn:
        assert count_cameras(conn) == 0
        assert files(path) == ["hsid.db"]


def test_looking_sees_what_a_killed_daemon_had_committed(path):
    """Where a log was left behind, what it holds is read too."""
    with open_database(path) as database:
        with database.transaction() as conn:
            add_camera(conn)
        assert "hsid.db-wal" in files(path)
        with open_read_only(path) as other, other.snapshot() as conn:
            assert count_cameras(conn) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights")
def test_looking_needs_no_right_to_the_directory(path):
    """Somebody who may read the file, and not write beside it, can look."""
    open_database(path).close()
    path.chmod(0o644)
    for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with open_read_only(path) as database, database.snapshot() as conn:
            assert count_cameras(conn) == 0
    finally:
        os.seteuid(0)


def test_a_transaction_that_raises_leaves_nothing(path):
    """All of its writes are undone, and the next transaction begins cleanly."""
    with open_database(path) as database:
        with pytest.raises(ZeroDivisionError), database.transaction() as conn:
            fail_after_adding(conn)
        with database.transaction() as conn:
            assert count_cameras(conn) == 0


def fail_after_adding(conn):
    add_camera(conn)
    return 1 // 0


def test_a_database_is_not_for_everybody_to_read(path):
    """Who was at home when is nobody else's business."""
    open_database(path).close()
    assert path.stat().st_mode & 0o007 == 0


def test_a_deleted_database_is_an_error_and_not_an_empty_one(path):
    """A connection that must be opened anew finds the file gone and says so."""
    with open_database(path) as database:
        database.close()
        path.unlink()
        with pytest.raises(StoreUnavailableError, match="opened"), database.transaction():
            pytest.fail("there is no database")
    assert not path.exists()


def test_a_place_that_cannot_hold_a_database_is_named(tmp_path):
    """A file where the folder should be is reported with the path."""
    (tmp_path / "data").touch()
    with pytest.raises(StoreUnavailableError, match=r"data/hsid\.db"):
        open_database(tmp_path / "data" / "hsid.db")


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///data/hsid.db", "data/hsid.db"), ("sqlite:////var/lib/h.db", "/var/lib/h.db")],
)
def test_a_url_names_a_file(url, path):
    """Three slashes are relative, four absolute, as SQLAlchemy has it."""
    assert str(database_path(url)) == path


@pytest.mark.parametrize("url", ["postgresql://h/db", "sqlite://", "sqlite:///", "hsid.db"])
def test_other_urls_are_refused(url):
    """What can't be used yet, or never, is refused by name."""
    with pytest.raises(UnsupportedDatabaseError, match="sqlite:///PATH"):
        database_path(url)


def test_a_second_daemon_is_refused_and_told_by_whom(holder, tmp_path):
    """The message names the process and what to do."""
    with pytest.raises(DataDirLockedError, match=f"process {holder.pid}.*stop it first") as caught:
        DataDirLock(tmp_path).acquire()
    assert caught.value.pid == holder.pid


def test_a_killed_daemon_holds_nothing(holder, tmp_path):
    """The kernel gives the lock back, whatever is left of the file."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with DataDirLock(tmp_path):
        assert (tmp_path / "hsid.lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_that_was_given_back_can_be_taken_again(tmp_path):
    """Releasing leaves the file and frees the lock."""
    for _ in range(2):
        with DataDirLock(tmp_path), pytest.raises(DataDirLockedError):
            DataDirLock(tmp_path).acquire()
