"""A database of the first release: migrated, it keeps its freed pages until it is vacuumed."""

import sqlite3
from contextlib import closing

import pytest
from alembic import command

from hsid.store import care, migration, space
from hsid.store.connect import writer_engine
from hsid.store.database import open_database


@pytest.fixture
def first_release(tmp_path):
    """A file as the first release made it."""
    path = tmp_path / "hsid.db"
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA journal_mode=WAL")
        plain.execute("CREATE TABLE gone_soon (x)")
        plain.execute("DROP TABLE gone_soon")
    engine = writer_engine(path)
    with engine.connect() as connection:
        config = migration._config([migration.VERSIONS])
        config.attributes["connection"] = connection
        with connection.begin():
            command.upgrade(config, "0001")
    engine.dispose()
    return path


def test_it_is_migrated_with_a_backup_and_says_that_it_returns_no_space(first_release):
    """Nothing is rebuilt without being asked for: that takes as much room again."""
    with open_database(first_release) as database, database.transaction() as conn:
        assert not space.measure(conn).is_returnable
        assert migration.stored_revision(conn, first_release) == migration.HEAD
    assert list(first_release.parent.glob("*.backup"))


def test_the_one_command_of_the_documentation_makes_it_return_space(first_release):
    """`hsid db vacuum`, with nobody else at the file."""
    open_database(first_release).close()
    care.vacuum(first_release)
    with open_database(first_release) as database, database.transaction() as conn:
        assert space.measure(conn).is_returnable
