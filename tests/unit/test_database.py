"""The database layer as the seeds describe it: initialisation, sessions, rollback, the pool, URLs.

Where both kinds of database must behave alike, the test runs on both.
"""

from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from hsid.store import errors
from hsid.store.database import open_database, open_read_only, reader_for_service
from hsid.store.errors import StoreError, StoreUnavailableError, UnsupportedDatabaseError
from hsid.store.migration import VERSION_TABLE
from hsid.store.postgres_engine import driver_url, reader_engine, writer_engine
from hsid.store.schema import batches, cameras, metadata

PAGE = Path(__file__).parents[2] / "docs" / "database.md"
PASSWORD = "open sesame"  # noqa: S105 - of no server
URL = "postgresql://house@db.example:5433/events"


def add(name, conn):
    conn.execute(insert(cameras).values(id=name, name=name))
    return name


def names(conn):
    return list(conn.scalars(select(cameras.c.id).order_by(cameras.c.id)))


@pytest.fixture
def database(database_url):
    with open_database(database_url, auto_migrate=True) as database:
        yield database


def test_initialising_makes_every_table(database):
    """All that the program knows of is there, and the number of the schema besides."""
    with database.transaction() as conn:
        made = set(inspect(conn).get_table_names())
    assert {*metadata.tables, VERSION_TABLE} <= made


def test_initialising_again_keeps_what_is_there(database, database_url):
    """Each start of the daemon does it."""
    database.run(lambda conn: add("gate", conn))
    with open_database(database_url, auto_migrate=True) as again:
        assert again.run(names) == ["gate"]


def test_an_empty_database_of_a_server_is_initialised_if_that_was_asked_for(new_postgres_url):
    """As the seeds do it at every start; `database_auto_migrate` asks for it."""
    with open_database(new_postgres_url("template0"), auto_migrate=True) as database:
        assert database.run(names) == []


def test_a_closed_database_is_opened_again_when_it_is_used(database):
    """Closing gives connections back and takes nothing else."""
    database.run(lambda conn: add("gate", conn))
    for _ in range(2):
        database.close()
    assert database.run(names) == ["gate"]


def test_two_databases_in_one_process_know_nothing_of_each_other(new_database_url):
    """There is no global one."""
    with open_database(new_database_url()) as one, open_database(new_database_url()) as other:
        one.run(lambda conn: add("gate", conn))
        assert (one.run(names), other.run(names)) == (["gate"], [])


def test_a_session_that_ends_well_is_committed(database, database_url):
    """Others see it at once."""
    with database.transaction() as conn:
        add("gate", conn)
    with open_read_only(database_url) as reader, reader.snapshot() as conn:
        assert names(conn) == ["gate"]


def add_and_raise(error, conn):
    add("gate", conn)
    raise error


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_session_that_raises_is_rolled_back(database, error):
    """Whatever ends it; the next one begins cleanly."""
    with pytest.raises(error), database.transaction() as conn:
        add_and_raise(error, conn)
    assert database.run(names) == []


def test_a_broken_constraint_rolls_all_of_the_session_back(database):
    """It is the caller's error, on both databases the same one."""
    with pytest.raises(IntegrityError), database.transaction() as conn:
        names(conn), add("gate", conn), add("gate", conn)
    assert database.run(names) == []


def test_references_are_checked(database):
    """Native on a server, switched on for SQLite."""
    moment = "2026-03-01 12:00:00"
    orphan = text(
        "INSERT INTO batches (id, camera_id, state, started_at, ended_at)"
        " VALUES ('b', 'nobody', 'open', :moment, :moment)"
    )
    with pytest.raises(IntegrityError):
        database.run(lambda conn: conn.execute(orphan, {"moment": moment}))
    assert database.run(lambda conn: conn.execute(select(batches)).all()) == []


def test_what_was_read_is_usable_after_the_session(database):
    """Results are plain records: nothing of them is fetched later."""
    database.run(lambda conn: add("gate", conn))
    camera = database.run(lambda conn: conn.execute(select(cameras)).one())
    database.close()
    assert (camera.id, camera.name) == ("gate", "gate")


def test_a_session_that_reads_sees_one_moment_and_can_not_write(database, database_url):
    """What is committed meanwhile is for the next one."""
    database.run(lambda conn: add("gate", conn))
    with reader_for_service(database_url, max_readers=2) as reader:
        with reader.snapshot() as conn:
            assert names(conn) == ["gate"]
            database.run(lambda conn: add("yard", conn))
            assert names(conn) == ["gate"]
        with pytest.raises(StoreUnavailableError, match="written"), reader.snapshot() as conn:
            add("door", conn)
        with reader.snapshot() as conn:
            assert names(conn) == ["gate", "yard"]


def test_the_pool_of_a_server_is_that_of_the_seeds():
    """10 connections and 20 more, half a minute to wait, renewed after half an hour, pinged."""
    pool = reader_engine(driver_url(URL), None).pool
    assert (pool.size(), pool._max_overflow, pool._timeout) == (10, 20, 30)
    assert (pool._recycle, pool._pre_ping) == (1800, True)


def test_one_connection_writes():
    """Who writes has its turn; more would only wait for it on the server."""
    pool = writer_engine(driver_url(URL)).pool
    assert (pool.size(), pool._max_overflow, pool._pre_ping) == (1, 0, True)


def test_the_pool_never_gives_out_more_than_it_may(new_postgres_url):
    """A second reader of a pool of one gets the same connection, after the first."""
    with reader_for_service(new_postgres_url(), max_readers=1) as reader:
        pids = set()
        for _ in range(3):
            with reader.snapshot() as conn:
                pids.add(conn.scalar(text("SELECT pg_backend_pid()")))
    assert len(pids) == 1


def test_connecting_and_a_silent_network_have_an_end(new_postgres_url):
    """Told to the client library, which keeps them for the life of the connection."""
    with open_database(new_postgres_url()) as database, database.transaction() as conn:
        given = conn.connection.driver_connection.info.get_parameters()
    assert (given["connect_timeout"], given["tcp_user_timeout"]) == ("5", "10000")
    assert given["application_name"] == "hsid"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_timeout", "30s"),
        ("lock_timeout", "15s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("TimeZone", "UTC"),
    ],
)
def test_every_call_has_an_end_on_the_server(new_postgres_url, name, value):
    """Whatever this process does: the server itself ends what takes too long."""
    url = new_postgres_url()
    with open_database(url) as database, reader_for_service(url, max_readers=1) as reader:
        for session in (database.transaction, reader.snapshot):
            with session() as conn:
                assert conn.scalar(text(f"SHOW {name}")) == value


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg", "postgresql+psycopg"])
def test_the_urls_of_other_drivers_are_taken_as_they_are(scheme):
    """The seeds' settings keep working; the driver is psycopg."""
    url = driver_url(f"{scheme}://house:{PASSWORD.replace(' ', '%20')}@db.example:5433/events")
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.password) == ("house", PASSWORD)
    assert (url.host, url.port, url.database) == ("db.example", 5433, "events")


def test_a_database_is_reached_by_the_url_of_another_driver(new_postgres_url):
    """All the way to the server."""
    url = new_postgres_url().replace("postgresql://", "postgresql+asyncpg://")
    with open_database(url) as database:
        assert database.run(names) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ssl=require", {"sslmode": "require"}),
        ("sslmode=verify-full&sslrootcert=/ca", {"sslmode": "verify-full", "sslrootcert": "/ca"}),
    ],
)
def test_the_options_of_a_url_reach_the_driver_in_its_words(query, expected):
    """Asyncpg says `ssl` where psycopg says `sslmode`."""
    assert dict(driver_url(f"{URL}?{query}").query) == expected


def test_what_a_url_says_itself_stands(new_postgres_url):
    """A longer timeout for a slow link, or an option of the session, is not overruled."""
    url = f"{new_postgres_url()}?connect_timeout=9&options=-c%20statement_timeout%3D2s"
    with open_database(url) as database, database.transaction() as conn:
        given = conn.connection.driver_connection.info.get_parameters()
        assert given["connect_timeout"] == "9"
        assert conn.scalar(text("SHOW statement_timeout")) == "2s"
        assert conn.scalar(text("SHOW lock_timeout")) == "15s"


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://house:{PASSWORD}@db/events",
        f"postgresqlite://house:{PASSWORD}@db/events",
        "sqlite://",
        "events.db",
    ],
)
def test_other_databases_are_refused_without_the_password(url):
    """By kind, so that nobody waits for one that can't be used."""
    with pytest.raises(UnsupportedDatabaseError) as refused:
        open_database(url)
    assert PASSWORD not in str(refused.value)


def test_the_page_has_a_line_for_each_error():
    """Whoever meets one finds what it means and what to do."""
    kinds = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, StoreError) and each is not StoreError
    }
    lines = PAGE.read_text().splitlines()
    assert {
        line.split("`")[1] for line in lines if line.startswith("| `") and "Error`" in line
    } == kinds
