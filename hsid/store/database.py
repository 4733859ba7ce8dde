"""The database without trio: for commands, for tests, and for the store's thread.

Here and nowhere else it is decided which of the two kinds a URL means. What opening does is the
kind's: a SQLite file is made and migrated, a PostgreSQL database has been made by its owner, and is
migrated if the caller says so.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from sqlalchemy import Connection

from hsid.model import Seconds
from hsid.store.connect import database_path
from hsid.store.sqlite import SqliteReader, open_file, open_file_read_only, revision_of_file
from hsid.store.sqlite import look_for_damage as look_through_file

if TYPE_CHECKING:
    from hsid.store.postgres import PostgresDatabase, PostgresReader

T = TypeVar("T")

POSTGRESQL = "postgresql"


class Database(AbstractContextManager["Database", None], Protocol):
    """What can be written to; belongs to one thread."""

    is_remote: bool
    """Whether it may come and go by itself, without anybody writing."""

    def __enter__(self) -> Self:
        """Return itself; it is closed when the block ends."""
        ...

    def transaction(self) -> AbstractContextManager[Connection]:
        """Give a connection whose writes are durable when the block ends, or undone if it raises.

        Raises:
            StoreUnavailableError: The database can't be used now.
            StoreCorruptError: It is damaged.
        """
        ...

    def run(self, work: Callable[[Connection], T]) -> T:
        """Return what *work* returns, once what it wrote is durable.

        As `transaction`; but what a server undid without a fault of *work* is tried again for a few
        seconds, so *work* has no other effect than on the database.
        """
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class ReadOnlyDatabase(AbstractContextManager["ReadOnlyDatabase", None], Protocol):
    """What can be read from, by any thread."""

    size: int
    """How many may read at a time."""

    def __enter__(self) -> Self:
        """Return itself; it is closed when the block ends."""
        ...

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees one moment of the database. Keep it short.

        Raises:
            StoreUnavailableError: There is no such database, or it can't be read.
            StoreCorruptError: It is damaged.
        """
        ...

    def close(self) -> None:
        """Close what is not in use."""
        ...


def is_postgresql(url: str | Path) -> bool:
    """Tell whether *url* names a database on a PostgreSQL server."""
    return isinstance(url, str) and url.partition(":")[0].partition("+")[0] == POSTGRESQL


def open_database(url: str | Path, *, auto_migrate: bool = False) -> Database:
    """Open the database for writing.

    A SQLite file is made where there is none, and migrated where it is old. A database on a server
    is migrated only if *auto_migrate* says so.

    Raises:
        SchemaTooNewError: A newer hsid has written it.
        SchemaOutdatedError: It is on a server, and waits for its migration.
        ForeignDatabaseError: It belongs to another program.
        StoreUnavailableError: It can't be opened or made.
        StoreCorruptError: It is damaged, or no database.
        UnsupportedDatabaseError: *url* names no such database.
    """
    if not is_postgresql(url):
        return open_file(database_path(url))
    database = _on_server(str(url), auto_migrate=auto_migrate)
    try:
        database.make_ready()
    except BaseException:
        database.close()
        raise
    return database


def look_for_damage(url: str | Path, *, within: Seconds) -> bool:
    """Look through the database for a short time; tell whether all of it was seen.

    One on a server is looked after by the server.

    Raises:
        StoreUnavailableError: It can't be read.
        StoreCorruptError: It is damaged, or no database.
    """
    return is_postgresql(url) or look_through_file(database_path(url), within=within)


def database_for_service(
    url: str | Path, *, auto_migrate: bool, prepare: Callable[[Connection], Any]
) -> Database:
    """Open the database as `open_database` does, and carry *prepare* out in it.

    With a database on a server both are done when it is first used, as it may be away for long.
    """
    if is_postgresql(url):
        return _on_server(str(url), auto_migrate=auto_migrate, prepare=prepare)
    database = open_database(url)
    try:
        database.run(prepare)
    except BaseException:
        database.close()
        raise
    return database


def reader_for_service(url: str | Path, *, max_readers: int | None) -> ReadOnlyDatabase:
    """Return what reads the database while another object of this process writes to it."""
    if is_postgresql(url):
        return _reader_on_server(str(url), size=max_readers)
    return SqliteReader(database_path(url), size=max_readers or 4)


def open_read_only(url: str | Path) -> ReadOnlyDatabase:
    """Open the database for looking only; changes nothing.

    Raises:
        SchemaTooNewError: A newer hsid has written it.
        SchemaOutdatedError: It waits for its migration.
        ForeignDatabaseError: It belongs to another program.
        StoreUnavailableError: There is none, or it can't be read.
        StoreCorruptError: It is damaged, or no database.
        UnsupportedDatabaseError: *url* names no such database.
    """
    if not is_postgresql(url):
        return open_file_read_only(database_path(url))
    database = _reader_on_server(str(url), size=1)
    try:
        database.require_current()
    except BaseException:
        database.close()
        raise
    return database


def schema_revision(url: str | Path) -> str | None:
    """Return the revision of the schema that the database has, None for an empty one.

    Raises:
        ForeignDatabaseError: It belongs to another program.
        StoreUnavailableError: There is none, or it can't be read.
        StoreCorruptError: It is damaged, or no database.
    """
    if not is_postgresql(url):
        return revision_of_file(database_path(url))
    with _reader_on_server(str(url), size=1) as database:
        return database.revision()


# The driver is for those who use it: an embedded daemon is to stay small.
def _on_server(
    url: str, *, auto_migrate: bool, prepare: Callable[[Connection], Any] = lambda _connection: None
) -> "PostgresDatabase":
    from hsid.store.postgres import PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(url, auto_migrate=auto_migrate, prepare=prepare)


def _reader_on_server(url: str, *, size: int | None) -> "PostgresReader":
    from hsid.store.postgres import PostgresReader  # noqa: PLC0415

    return PostgresReader(url, size=size)
