"""`hsid db`: the schema shown and brought up to date, on either database."""

import json

import pytest
from click.testing import CliRunner

from hsid.cli.hsid import main
from hsid.store.database import is_postgresql, open_database
from hsid.store.lock import DataDirLock
from hsid.store.migration import HEAD


@pytest.fixture
def hsid(tmp_path, monkeypatch):
    """Return a function that runs the command on a database, without any other settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HSID_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HSID_REDIS_URL", "redis://localhost:1/0")

    def run(url, *words):
        monkeypatch.setenv("HSID_DATABASE_URL", url)
        return CliRunner().invoke(main, ["db", *words])

    return run


def test_a_database_that_is_up_to_date_is_told_so(hsid, database_url):
    """Exit code 0; the document names the revisions, for scripts."""
    open_database(database_url).close()
    done = hsid(database_url, "status", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["state"]) == (0, "current")
    assert document["revision"] == document["program"] == HEAD


def test_migrating_twice_changes_nothing(hsid, database_url):
    """The second time finds everything done."""
    assert [hsid(database_url, "migrate").exit_code for _ in range(2)] == [0, 0]
    assert f"schema {HEAD}, current" in hsid(database_url, "status").stdout


@pytest.fixture
def empty(new_postgres_url, request, tmp_path):
    """A database with nothing in it, of the one kind or the other."""
    if request.param == "postgresql":
        return new_postgres_url("template0")
    (tmp_path / "hsid.db").touch()
    return f"sqlite:///{tmp_path}/hsid.db"


@pytest.mark.parametrize("empty", ["sqlite", "postgresql"], indirect=True)
def test_an_empty_database_is_told_with_the_remedy_and_filled_by_it(hsid, empty):
    """Looking fills nothing: exit code 78 until it is migrated."""
    for _ in range(2):
        done = hsid(empty, "status")
        assert (done.exit_code, "hsid db migrate" in done.stderr) == (78, True)
    assert hsid(empty, "migrate").exit_code == 0
    assert hsid(empty, "status").exit_code == 0


def test_a_newer_schema_is_told_and_left_alone(hsid, database_url):
    """Exit code 78 from both commands, and what to do."""
    with open_database(database_url) as database, database.transaction() as conn:
        conn.exec_driver_sql("UPDATE hsid_schema_version SET version_num = '9999'")
    for command in ("status", "migrate"):
        done = hsid(database_url, command)
        assert (done.exit_code, "newer hsid" in done.stderr) == (78, True)


@pytest.mark.parametrize("url", ["sqlite:///nowhere/x.db", "postgresql://u:secret@127.0.0.1:1/d"])
def test_a_database_that_can_not_be_reached_is_told_in_words(hsid, url):
    """Exit code 1, one line, and never the password."""
    done = hsid(url, "status")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("hsid: ")
    assert "secret" not in done.stderr


def test_a_file_is_not_migrated_under_a_running_daemon(hsid, database_url, tmp_path):
    """Who holds it is told. A server has other nodes anyway: there it is the owner's decision."""
    with DataDirLock(tmp_path / "data"):
        done = hsid(database_url, "migrate")
    assert done.exit_code == (0 if is_postgresql(database_url) else 1)
