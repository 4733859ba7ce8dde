"""Bringing a database to the schema of this program, and refusing what it can't read.

One chain of scripts for SQLite and PostgreSQL. A migration happens as a whole or not at all: one
transaction. With SQLite, foreign keys are checked at its end, and before it a backup is made beside
the file, named after the schema that it holds. Alembic is imported only when there is something to
migrate.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
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

HEAD = "0008"
"""The newest revision under `migrations/versions`; a test compares."""

VERSION_TABLE = "hsid_schema_version"
SCRIPTS = Path(__file__).parent / "migrations"
VERSIONS = SCRIPTS / "versions"

_WORK_PER_SIGN = 10_000_000
"""Steps of SQLite's machine between two signs of progress: well under a second."""

_tell: ContextVar[Callable[[str], object]] = ContextVar("tell", default=lambda _words: None)


@contextmanager
def telling_progress(tell: Callable[[str], object]) -> Iterator[None]:
    """Have *tell* called with what is done, each time that a migration in this block gets on.

    It is called on the thread that migrates, with the same words again while one step goes on, and
    only while work is really done: not while a lock or a server is waited for.
    """
    token = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(token)


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
    words = "backing up the database before its migration"
    _tell.get()(words)
    copy_to(driver_connection(connection), target, on_progress=lambda: _tell.get()(words))
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

    steps = _count_steps(config, connection)
    numbers = count(1)
    words = ""

    def on_step(**_: object) -> None:
        nonlocal words
        words = f"migrating the database, step {min(next(numbers), steps)} of {steps}"
        _tell.get()(words)

    on_step()
    config.attributes["connection"] = connection
    config.attributes["on_step"] = on_step  # called after each: it tells of the next
    with _signs_of_work(connection, lambda: _tell.get()(words)):
        command.upgrade(config, "head")


def _count_steps(config: "Config", connection: Connection) -> int:
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - heavy
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - heavy, and seldom needed

    opts = {"version_table": VERSION_TABLE}
    present = MigrationContext.configure(connection, opts=opts).get_current_revision()
    script = ScriptDirectory.from_config(config)
    return len(list(script.iterate_revisions("head", present or "base")))


@contextmanager
def _signs_of_work(connection: Connection, on_work: Callable[[], object]) -> Iterator[None]:
    """Have *on_work* called while SQLite is at work; a server tells nothing of that."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return

    def sign() -> int:
        on_work()
        return 0  # go on

    driver.set_progress_handler(sign, _WORK_PER_SIGN)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


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
