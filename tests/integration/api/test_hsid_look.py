"""`hsid status` and `hsid events`, with and without a daemon."""

import json
from datetime import UTC, datetime
from functools import partial

import pytest
import trio
from click.testing import CliRunner

from hsid import __version__
from hsid.cli.hsid import main
from hsid.model import Arrival, CaptureSource, FileVersion
from hsid.store import uploads
from hsid.store.database import open_database
from hsid.store.lock import DataDirLock
from tests.integration.api.conftest import running

NOW = datetime(2025, 3, 4, 2, 13, tzinfo=UTC)


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """Give a data folder in a working directory without any other settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("HSID_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def ledger(data_dir):
    """Give a database that knows of one upload."""
    version = FileVersion("door/a.jpg", 1, 100, 1)
    arrival = Arrival(version, "door", NOW, NOW, CaptureSource.NAME)
    with open_database(data_dir / "security.db") as database, database.transaction() as conn:
        uploads.receive(conn, [arrival], dedupe_ttl=0)
    return data_dir


def hsid(*arguments):
    return CliRunner().invoke(main, arguments)


def test_without_a_daemon_the_status_is_read_from_the_file(ledger):
    """The same schema as the daemon's, marked as read from the file."""
    document = json.loads(hsid("status", "--json").stdout)

    assert (document["running"], document["actors"]) == (False, None)
    assert (document["uploads"]["arrived"], document["uploads"]["pending"]) == (1, 1)
    assert [q["name"] for q in document["queues"]] == ["detection_queue", "analysis_queue"]


def test_without_a_daemon_the_events_are_read_from_the_file(ledger):
    """A house in which nothing was judged has a page without events."""
    assert json.loads(hsid("events", "--json").stdout) == {"events": [], "next_before": None}


def test_looking_changes_nothing_on_the_disk(ledger):
    """No file is made, removed or touched by a look."""
    before = {path.name: path.stat().st_mtime_ns for path in ledger.iterdir()}
    hsid("status")

    assert {path.name: path.stat().st_mtime_ns for path in ledger.iterdir()} == before


def test_where_nothing_is_stored_yet_it_is_said_in_words(data_dir):
    """No database is no traceback, and none is made."""
    done = hsid("status")

    assert done.exit_code == 1
    assert "there is no database" in done.stderr
    assert not data_dir.exists()


def test_a_daemon_that_runs_and_does_not_answer_is_told_apart_from_none(ledger):
    """With the lock held and nobody at the socket the file is left alone: exit code 3."""
    with DataDirLock(ledger):
        done = hsid("status", "--json")

    assert (done.exit_code, done.stdout) == (3, "")
    assert "a daemon runs" in done.stderr


def test_a_look_leaves_the_lock_to_the_daemon(ledger):
    """After a look a daemon can start."""
    with DataDirLock(ledger):
        pass
    hsid("status")

    with DataDirLock(ledger):
        assert hsid("status").exit_code == 3


async def test_a_daemon_that_answers_is_asked(house, ledger):
    """Its own words go before the file's."""
    async with running(house, ledger / "control.sock"):
        done = await trio.to_thread.run_sync(partial(hsid, "status", "--json"))
        listed = await trio.to_thread.run_sync(partial(hsid, "events", "--limit", "1", "--json"))

    assert json.loads(done.stdout)["running"] is True
    assert [e["event_id"] for e in json.loads(listed.stdout)["events"]] == [2]


@pytest.mark.parametrize("command", ["status", "events", "run"])
def test_a_bad_configuration_gives_exit_code_78(data_dir, monkeypatch, command):
    """The words name the setting; nothing is started."""
    monkeypatch.setenv("HSID_QUEUE_MAX_SIZE", "many")
    done = hsid(command)

    assert done.exit_code == 78
    assert "queue_max_size" in done.stderr


def test_the_help_names_the_exit_codes():
    """78 is what a service manager has to know."""
    assert "78 the configuration can't be used" in " ".join(hsid("--help").stdout.split())


def test_the_version_is_an_option_and_a_command():
    """Both print the same line."""
    assert hsid("--version").stdout == hsid("version").stdout == f"hsid {__version__}\n"


def test_a_json_demo_that_goes_on_is_refused():
    """One document needs an end."""
    assert hsid("demo", "--json").exit_code == 2
