"""`hsid db`: the schema shown and brought up to date, on either database."""

import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner
from sqlalchemy import text

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


@pytest.fixture
def house(tmp_path):
    """A database with a camera in it; its URL and its file."""
    path = tmp_path / "hsid.db"
    with open_database(path) as database, database.transaction() as conn:
        conn.execute(text("INSERT INTO cameras (id, name) VALUES ('gate', 'Gate')"))
    return f"sqlite:///{path}", path


def test_a_backup_is_the_database_of_one_moment_beside_whoever_writes(hsid, house, tmp_path):
    """What is not committed is not in it; nobody waits for the copy."""
    url, path = house
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO cameras (id, name) VALUES ('yard', 'Yard')")
        done = hsid(url, "backup", str(tmp_path / "copy.db"))
        writer.execute("COMMIT")

    assert done.exit_code == 0
    with open_database(tmp_path / "copy.db") as database, database.transaction() as conn:
        assert conn.execute(text("SELECT id FROM cameras")).all() == [("gate",)]
    assert list(tmp_path.glob("*.part")) == []


def test_a_backup_is_never_written_over(hsid, house, tmp_path):
    """Last week's may be the only good one."""
    (tmp_path / "copy.db").write_text("precious")
    done = hsid(house[0], "backup", str(tmp_path / "copy.db"))

    assert (done.exit_code, "there already" in done.stderr) == (1, True)
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_a_sound_database_is_told_so(hsid, house):
    """All of it was read."""
    assert hsid(house[0], "verify").stdout.endswith("hsid.db: ok\n")
    assert json.loads(hsid(house[0], "verify", "--json").stdout)["faults"] == []


@pytest.mark.parametrize("part", ["in its pages", "in its references"])
def test_damage_is_found_and_told_with_the_remedy(hsid, house, part):
    """By whichever of the two checks sees it."""
    url, path = house
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        if part == "in its references":
            other.execute(
                "INSERT INTO batches (id, camera_id, state, started_at, ended_at)"
                " VALUES ('b', 'nobody', 'open', '2026-01-01', '2026-01-01')"
            )
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = other.execute("PRAGMA page_size").fetchone()
    if part == "in its pages":
        with path.open("r+b") as file:
            for page in range(3, path.stat().st_size // size, 2):
                file.seek(page * size)
                file.write(b"\xff" * 64)

    done = hsid(url, "verify")

    assert done.exit_code == 1
    assert "put a backup in its place" in done.stderr
    assert json.loads(hsid(url, "verify", "--json").stdout)["faults"] != []


def test_vacuuming_gives_room_back_and_is_refused_beside_a_daemon(hsid, house, tmp_path):
    """It needs the file to itself."""
    url, path = house
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE ballast AS SELECT zeroblob(2000000) AS much")
        other.execute("DROP TABLE ballast")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (tmp_path / "data").mkdir()
    with DataDirLock(tmp_path / "data"):
        assert hsid(url, "vacuum").exit_code == 1
    large = path.stat().st_size

    done = json.loads(hsid(url, "vacuum", "--json").stdout)
    assert (done["bytes_before"], done["bytes"]) == (large, path.stat().st_size)
    assert path.stat().st_size < large - 1_500_000
    assert hsid(url, "verify").exit_code == 0


@pytest.mark.parametrize("words", [("backup", "copy.db"), ("verify",), ("vacuum",)])
def test_a_database_on_a_server_is_left_to_the_tools_of_the_server(hsid, new_postgres_url, words):
    """It says so instead of doing half of it."""
    done = hsid(new_postgres_url(), *words)

    assert (done.exit_code, "pg_dump" in done.stderr) == (1, True)
