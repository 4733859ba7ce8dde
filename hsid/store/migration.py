"""Bringing a database to the schema of this program, and refusing what it can't read.

A migration happens as a whole or not at all: one transaction, foreign keys checked at its end, and
before it a backup beside the file, named after the schema that it holds. Alembic is imported only
when there is something to migrate.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import connect
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from hsid.store.connect import driver_connection
from hsid.store.errors import (
    ForeignDatabaseError,
    SchemaOutdatedError,
    SchemaTooNewError,
    StoreError,
)

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The newest revision under `migrations/versions`; a test compares."""

VERSION_TABLE = "hsid_schema_version"
SCRIPTS = Path(__file__).parent / "migrations"
VERSIONS = SCRIPTS / "versions"


class MigrationError(StoreError):
    """A migration would have broken references between tables; it was undone as a whole."""


def bring_up_to_date(connection: Connection, path: Path) -> None:
    """Give the database at *path* this program's schema; quick if it has it.

    *connection* writes and is in no transaction.

    Raises:
        SchemaTooNewError: A newer hsid has written it.
        ForeignDatabaseError: It belongs to another program.
        MigrationError: The migration failed its own check; the database is as it was.
    """
    with connection.begin():
        revision = stored_revision(connection, path)
    if revision != HEAD:
        migrate(connection, path)


def require_current(connection: Connection, path: Path) -> None:
    """Raise unless the database at *path* has exactly this program's schema."""
    revision = stored_revision(connection, path)
    if revision == HEAD:
        return
    if revision is not None and revision not in _revisions(_config([VERSIONS])):
        raise SchemaTooNewError(path, revision)
    raise SchemaOutdatedError(f"{path} has an older schema; start the daemon once to migrate it")


def stored_revision(connection: Connection, path: Path) -> str | None:
    """Return the revision that the database at *path* has, None for an empty one.

    Raises:
        ForeignDatabaseError: It has tables and no version of ours.
    """
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE in tables:
        revision = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant
        return None if revision is None else str(revision)
    if tables:
        raise ForeignDatabaseError(path)
    return None


def migrate(connection: Connection, path: Path, *, versions: Sequence[Path] = (VERSIONS,)) -> None:
    """Run what is missing of the scripts in the folders *versions*, after a backup."""
    from alembic import command  # noqa: PLC0415 - heavy, and seldom needed

    config = _config(versions)
    with connection.begin():
        revision = stored_revision(connection, path)
    if revision is not None:
        if revision not in _revisions(config):
            raise SchemaTooNewError(path, revision)
        back_up(connection, path, revision)
    config.attributes["connection"] = connection
    with _schema_transaction(connection):
        command.upgrade(config, "head")


def back_up(connection: Connection, path: Path, revision: str) -> Path:
    """Copy the database beside *path*, whole and on disk when this returns; return the copy."""
    made_at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}.schema-{revision}.{made_at}.backup")
    unfinished = target.with_name(f"{target.name}.part")
    copy = connect(unfinished)
    try:
        driver_connection(connection).backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
    finally:
        copy.close()
    _sync(unfinished)
    unfinished.replace(target)
    _sync(path.parent)
    return target


@contextmanager
def _schema_transaction(connection: Connection) -> Iterator[None]:
    """Keep references unchecked while tables are rebuilt, and check them all at the end."""
    driver = driver_connection(connection)
    driver.execute("PRAGMA foreign_keys=OFF")  # has no effect once the transaction has begun
    try:
        with connection.begin():
            yield
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                raise MigrationError(f"{len(broken)} broken references, first {tuple(broken[0])}")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _config(versions: Sequence[Path]) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - heavy, and seldom needed

    config = Config()
    options = {
        "script_location": str(SCRIPTS),
        "path_separator": "os",
        "version_locations": os.pathsep.join(map(str, versions)),
    }
    for name, value in options.items():
        config.set_main_option(name, value.replace("%", "%%"))
    return config


def _revisions(config: "Config") -> set[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - heavy, and seldom needed

    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
