"""What only a person can mend on a PostgreSQL server: a clear stop with advice, no waiting."""

import os
import subprocess
import sys
from functools import partial

import pytest
import trio

from benchmarks._postgres_server import postgres_server
from hsid.store.database import open_database, open_read_only, reader_for_service
from hsid.store.errors import (
    MISCONFIGURED,
    ServerRefusedError,
    StoreUnavailableError,
    UnsupportedDatabaseError,
)
from hsid.store.store import Store
from tests.integration.store.calls import add, list_ids, start

PASSWORD = "open sesame"  # noqa: S105 - of a server that lives as long as a test
ANYBODY = "host all all 127.0.0.1/32 scram-sha-256"


@pytest.fixture(scope="module")
def guarded():
    """A server that asks everybody for a password, in which `guest` owns a database."""
    with postgres_server() as server:
        server.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
        server.execute("CREATE DATABASE house OWNER guest")
        server.execute("CREATE DATABASE theirs")
        server.let_in(ANYBODY)
        yield server


def url_for(server, login=f"guest:{PASSWORD}", database="house", query=""):
    return f"postgresql://{login}@127.0.0.1:{server.port}/{database}{query}"


REFUSED = {
    "a wrong password": ({"login": "guest:guess"}, "correct the user, the password"),
    "no password": ({"login": "guest"}, "put the password into database_url"),
    "an unknown user": ({"login": "nobody:guess"}, "correct the user, the password"),
    "an unknown database": ({"database": "nowhere"}, "or the database in database_url"),
    "no TLS": ({"query": "?sslmode=require"}, "correct sslmode"),
    "no CA": ({"query": "?sslmode=verify-full&sslrootcert=/nowhere"}, "correct sslmode"),
    "an unknown mode of TLS": ({"query": "?sslmode=maybe"}, "correct sslmode"),
    "no rights": ({"database": "theirs"}, "have the owner of the database grant"),
}


@pytest.mark.parametrize(("changes", "advice"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_says_what_to_do(guarded, changes, advice):
    """No password is in it; the class tells it from an outage."""
    with pytest.raises(ServerRefusedError, match=advice) as refused:
        open_database(url_for(guarded, **changes), auto_migrate=True)
    assert isinstance(refused.value, MISCONFIGURED)
    assert "guess" not in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_a_refusal_says_what_and_where(guarded):
    """In the server's words, and with its address."""
    with pytest.raises(ServerRefusedError) as refused:
        open_database(url_for(guarded, login="guest:guess"))
    assert f'"127.0.0.1", port {guarded.port}' in str(refused.value)
    assert 'password authentication failed for user "guest"' in str(refused.value)


def test_who_only_looks_is_refused_as_well(guarded):
    """The commands that read a database on a server come by another way."""
    with pytest.raises(ServerRefusedError):
        open_read_only(url_for(guarded, login="guest:guess"))


def test_an_option_that_does_not_exist_is_a_fault_of_the_configuration(guarded):
    """The driver knows none of that name; the daemon does not start with it."""
    with pytest.raises(UnsupportedDatabaseError, match="nonsense"):
        open_database(url_for(guarded, query="?nonsense=1"))


@pytest.mark.parametrize("port", [1, None])
def test_a_server_that_is_not_there_is_an_outage(guarded, port):
    """Nobody listens, or the name is not known yet: that may come by itself."""
    place = f"127.0.0.1:{port}" if port else "postgres.invalid"
    with pytest.raises(StoreUnavailableError) as away:
        open_database(f"postgresql://guest:guess@{place}/house")
    assert not isinstance(away.value, MISCONFIGURED)


async def test_a_daemon_that_runs_waits_until_the_login_is_mended(guarded, nursery):
    """It told its start that the server was away; now it says what is wrong, and goes on after."""
    url = url_for(guarded, login="late:guess")
    store = Store(url.replace("late:guess", "late:in-time"), auto_migrate=True)
    guarded.execute("DROP ROLE IF EXISTS late")
    await start(nursery, store)
    with pytest.raises(ServerRefusedError, match='for user "late"'):
        await store.write(partial(add, 1))
    guarded.execute("CREATE ROLE late SUPERUSER LOGIN PASSWORD 'in-time'")
    with trio.fail_after(20):
        while store.statistics().last_fault is not None:
            await trio.sleep(0.05)
    assert await store.write(partial(add, 1)) == 1
    assert await store.read(list_ids) == ["001"]


def test_a_reader_of_a_running_daemon_takes_it_for_an_outage(guarded):
    """Whoever waits for outages waits for this one, too."""
    with (
        reader_for_service(url_for(guarded, login="guest:guess"), max_readers=1) as reader,
        pytest.raises(StoreUnavailableError),
        reader.snapshot(),
    ):
        pytest.fail("it was let in")


def hsid(folder, url, *words):
    """Run the command with a configuration of its own on the database *url*."""
    (folder / "cameras").mkdir()
    settings = {
        "FOSCAM_BASE_PATH": folder / "cameras",
        "DATA_DIR": folder / "data",
        "LOG_FILE_PATH": folder / "hsid.log",
        "DATABASE_URL": url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    environment = {f"HSID_{name}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "hsid.cli.hsid", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [["run"], ["db", "status"], ["db", "migrate"]])
def test_a_start_ends_with_78_and_the_advice(guarded, tmp_path, words):
    """A service manager does not try it over and over; the password is nowhere."""
    ended = hsid(tmp_path, url_for(guarded, login="guest:guess"), *words)

    assert ended.returncode == 78
    assert "correct the user, the password or the database in database_url" in ended.stderr
    assert "guess" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("template", "statement", "words"),
    [
        ("template0", "SELECT 1", "hsid db migrate"),
        ("template0", "CREATE TABLE theirs (id int)", "another program"),
        ("prepared", "UPDATE hsid_schema_version SET version_num = '9999'", "newer hsid"),
    ],
)
def test_a_schema_that_is_not_for_this_program_ends_a_start(
    postgres, new_postgres_url, tmp_path, template, statement, words
):
    """Missing, somebody else's, too new: exit 78, in words, and nothing is changed."""
    url = new_postgres_url(template)
    postgres.execute(statement, database=url.rpartition("/")[2])

    ended = hsid(tmp_path, url, "run")

    assert (ended.returncode, words in ended.stderr) == (78, True)
