"""Bringing a database to the schema of this program, and refusing what it can't read.

One chain of scripts for SQLite and PostgreSQL. A migration happens as a whole or not at all: one
transaction. With SQLite, foreign keys are checked at its end, and before it a backup is made beside
the file, named after the schema that it holds. Alembic is imported only when there is something to
migrate.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from hsid.store.care import copy_to
from hsid.store.connect import driver_connection
from hsid.store.errors import (
    ForeignDatabaseError,
    SchemaOutdatedError,
    SchemaTooNewError,
    StoreError,
)

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0007"
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


def require_current(connection: Connection, place: str | Path, *, remedy: str) -> None:
    """Raise unless the database at *place* has exactly this program's schema.

    *remedy* is said where it has an older one.
    """
    revision = stored_revision(connection, place)
    if revision == HEAD:
        return
    _refuse_newer(_config([VERSIONS]), place, revision)
    raise SchemaOutdatedError(place, remedy)


class SchemaState(StrEnum):
    """How the schema of a database compares with that of this program."""

    CURRENT = "current"
    OUTDATED = "outdated"
    EMPTY = "empty"
    NEWER = "newer"


def state_of(revision: str | None) -> SchemaState:
    """Tell how a database of this *revision* stands, None being an empty one."""
    if revision is None:
        return SchemaState.EMPTY
    if revision == HEAD:
        return SchemaState.CURRENT
    is_known = revision in _revisions(_config([VERSIONS]))
    return SchemaState.OUTDATED if is_known else SchemaState.NEWER


def stored_revision(connection: Connection, place: str | Path) -> str | None:
    """Return the revision that the database at *place* has, None for an empty one.

    Raises:
        ForeignDatabaseError: It has tables and no version of ours.
    """
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE in tables:
        revision = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant
        return None if revision is None else str(revision)
    if tables:
        raise ForeignDatabaseError(place)
    return None


def migrate(connection: Connection, path: Path, *, versions: Sequence[Path] = (VERSIONS,)) -> None:
    """Run what is missing of the scripts in the folders *versions* on a file, after a backup."""
    config = _config(versions)
    with connection.begin():
        revision = stored_revision(connection, path)
    _refuse_newer(config, path, revision)
    if revision is not None:
        back_up(connection, path, revision)
    with _schema_transaction(connection):
        _upgrade(connection, config)


def migrate_within(
    connection: Connection, place: str, *, versions: Sequence[Path] = (VERSIONS,)
) -> None:
    """Run what is missing of the scripts in the transaction that *connection* is in.

    Raises:
        SchemaTooNewError: A newer hsid has written it.
        ForeignDatabaseError: It belongs to another program.
    """
    config = _config(versions)
    _refuse_newer(config, place, stored_revision(connection, place))
    _upgrade(connection, config)


def back_up(connection: Connection, path: Path, revision: str) -> Path:
    """Copy the database beside *path*, whole and on disk when this returns; return the copy."""
    made_at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}.schema-{revision}.{made_at}.backup")
    copy_to(driver_connection(connection), target)
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


def _upgrade(connection: Connection, config: "Config") -> None:
    from alembic import command  # noqa: PLC0415 - heavy, and seldom needed

    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_newer(config: "Config", place: str | Path, revision: str | None) -> None:
    if revision is not None and revision not in _revisions(config):
        raise SchemaTooNewError(place, revision)


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
