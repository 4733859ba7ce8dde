"""Migrations on PostgreSQL: the same chain, made when it was asked for, by one node at a time."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from hsid.store import migration
from hsid.store.database import open_database, open_read_only, schema_revision
from hsid.store.errors import (
    ForeignDatabaseError,
    SchemaOutdatedError,
    SchemaTooNewError,
    StoreUnavailableError,
)
from hsid.store.postgres import PostgresDatabase
from hsid.store.postgres_engine import driver_url
from hsid.store.schema import metadata

NEXT = """
from alembic import op

revision = "next"
down_revision = "{head}"


def upgrade():
    op.execute("ALTER TABLE cameras ADD COLUMN colour TEXT")
    op.execute("{more}")
"""

STATED = {"ix_events_words", "uq_uploads_version", "uq_uploads_path_inode_size_mtime_ns"}
"""Made of statements, or for SQLite alone, which Alembic doesn't know; the server does."""

CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"


@pytest.fixture
def url(new_postgres_url):
    return new_postgres_url()


@pytest.fixture
def empty(new_postgres_url):
    """A database as its owner makes it."""
    return new_postgres_url("template0")


def schema_of(database):
    """Return every constraint and every index in the server's own words."""
    with database.transaction() as conn:
        rows = [tuple(row) for query in (CONSTRAINTS, INDEXES) for row in conn.execute(text(query))]
    return sorted(row for row in rows if migration.VERSION_TABLE not in str(row))


def test_the_chain_builds_exactly_the_schema_of_the_program(url, empty):
    """Alembic sees no difference, and neither does the server: checks and indexes included."""
    engine = create_engine(driver_url(empty))
    metadata.create_all(engine)
    engine.dispose()
    with open_database(url) as migrated, PostgresDatabase(empty) as created:
        assert schema_of(migrated) == schema_of(created) != []
        with migrated.transaction() as conn:
            options = {
                "version_table": migration.VERSION_TABLE,
                "include_object": lambda _object, name, *_: name not in STATED,
            }
            context = MigrationContext.configure(conn, opts=options)
            assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("opening", [open_database, open_read_only])
def test_an_empty_database_is_not_filled_unasked(empty, opening):
    """On a server the owner decides; the message names the command and the setting."""
    with pytest.raises(SchemaOutdatedError, match=r"hsid db migrate.*database_auto_migrate"):
        opening(empty)
    assert schema_revision(empty) is None


def test_nodes_that_migrate_at_once_take_turns(empty):
    """One makes the tables, the others find them."""
    faults = []

    def migrate():
        try:
            open_database(empty, auto_migrate=True).close()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
            faults.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, schema_revision(empty)) == ([], migration.HEAD)


@pytest.fixture
def step(tmp_path):
    """Return a function that runs one more step on a database."""

    def run(url, more="SELECT 1"):
        (tmp_path / "v9999_next.py").write_text(NEXT.format(head=migration.HEAD, more=more))
        with open_database(url) as database, database.transaction() as conn:
            chain = (migration.VERSIONS, tmp_path)
            migration.migrate_within(conn, "it", versions=chain)

    return run


def test_a_migration_keeps_the_data(url, step):
    """The rows of before are there, with the new column."""
    with open_database(url) as database, database.transaction() as conn:
        conn.execute(text("INSERT INTO cameras (id, name) VALUES ('gate', 'Gate')"))
    step(url)
    assert schema_revision(url) == "next"
    with PostgresDatabase(url) as database, database.transaction() as conn:
        assert conn.execute(text("SELECT id, colour FROM cameras")).all() == [("gate", None)]


def test_a_migration_that_fails_halfway_is_undone(url, step):
    """The statement that fails takes everything before it along, as on SQLite."""
    with pytest.raises(Exception, match="nowhere"):
        step(url, "DELETE FROM nowhere")
    assert schema_revision(url) == migration.HEAD
    open_database(url).close()


@pytest.mark.parametrize("auto_migrate", [True, False])
def test_a_newer_schema_is_refused(url, step, auto_migrate):
    """A program never misreads what a newer one wrote, and says what to do."""
    step(url)
    with pytest.raises(SchemaTooNewError, match=r"database test_\d+ on 127.0.0.1.*newer hsid"):
        open_database(url, auto_migrate=auto_migrate)
    with pytest.raises(SchemaTooNewError):
        open_read_only(url)


@pytest.mark.parametrize("auto_migrate", [True, False])
def test_a_database_of_another_program_is_refused(empty, postgres, auto_migrate):
    """Tables without hsid's version are somebody else's; none is added to them."""
    name = empty.rpartition("/")[2]
    postgres.execute("CREATE TABLE theirs (x int)", database=name)
    with pytest.raises(ForeignDatabaseError, match="another program"):
        open_database(empty, auto_migrate=auto_migrate)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.execute(tables, database=name) == [("theirs",)]


def test_a_database_that_is_not_there_is_named(postgres):
    """A typing error in the name is told in the server's words."""
    with pytest.raises(StoreUnavailableError, match='database "nowhere" does not exist'):
        open_database(postgres.url("nowhere"))


def test_a_server_is_reached_by_its_socket_too(url, postgres):
    """The folder of the socket stands among the options, as everywhere with PostgreSQL."""
    name = url.rpartition("/")[2]
    by_socket = f"postgresql:///{name}?host={postgres.folder}&port={postgres.port}&user=hsid"
    with open_database(by_socket) as database, database.transaction() as conn:
        assert conn.scalar(text("SELECT inet_server_addr()")) is None
