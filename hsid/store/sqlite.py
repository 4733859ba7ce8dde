"""A database in a SQLite file: one writing connection, or a read-only view.

Opening for writing makes the file when there is none and brings its schema up to date, after a
backup. A writing object belongs to one thread.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Self, TypeVar

from sqlalchemy import Connection

from hsid.model import Seconds
from hsid.store.connect import driver_connection, reader_engine, writer_engine
from hsid.store.errors import StoreUnavailableError
from hsid.store.faults import damage_of, raise_mapped, storage_fault
from hsid.store.migration import bring_up_to_date, require_current, stored_revision

T = TypeVar("T")

_INTERRUPT_AGAIN: Seconds = 0.05
_FILE_MODE = 0o640  # who was at home when is nobody else's business


class SqliteDatabase:
    """The writing connection to the file at *path*; `open_file` makes it."""

    is_remote = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = writer_engine(path)
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose writes are durable when the block ends, or undone if it raises.

        After a fault of the storage the connection is given up, and the next transaction opens
        another: SQLite may have ended the transaction by itself, and a full disk that has been
        freed is no obstacle to a new connection.

        Raises:
            StoreUnavailableError: The disk is full, the file is locked or can't be reached.
            StoreCorruptError: The file is damaged.
        """
        try:
            connection = self.connection()
            with connection.begin():
                yield connection
        except Exception as error:  # noqa: BLE001 - it is raised again, mapped
            if storage_fault(error) is not None:
                self.close()
            raise_mapped(error)

    def run(self, work: Callable[[Connection], T]) -> T:
        """Return what *work* returns, once what it wrote is durable; see `transaction`."""
        with self.transaction() as connection:
            return work(connection)

    def connection(self) -> Connection:
        """Return the connection, outside of any transaction."""
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def close(self) -> None:
        """Close the connection; the last one to close empties the log into the file."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()


class SqliteReader:
    """Snapshots of the file at *path*, *size* at a time; usable from any thread."""

    def __init__(self, path: Path, *, size: int = 1, at_rest: bool = False) -> None:
        self.path = path
        self.size = size
        self._engine = reader_engine(path, size=size, at_rest=at_rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the database. Keep it short.

        Raises:
            StoreUnavailableError: There is no such file, or it can't be read.
            StoreCorruptError: The file is damaged.
        """
        try:
            with self._engine.connect() as connection, connection.begin():
                yield connection
        except Exception as error:  # noqa: BLE001 - what is not the storage's passes unchanged
            raise_mapped(error)

    def close(self) -> None:
        """Close what is not in use."""
        self._engine.dispose()


def open_file(path: Path) -> SqliteDatabase:
    """Open the file for writing: make it where there is none, migrate it where it is old.

    Raises:
        SchemaTooNewError: A newer hsid has written it.
        ForeignDatabaseError: It belongs to another program.
        StoreUnavailableError: It can't be opened or made.
        StoreCorruptError: It is damaged, or no database.
    """
    _make_file(path)
    _refuse_foreign(path)
    database = SqliteDatabase(path)
    try:
        bring_up_to_date(database.connection(), path)
    except BaseException as error:
        database.close()
        if isinstance(error, Exception):
            raise_mapped(error)
        raise
    return database


def open_file_read_only(path: Path) -> SqliteReader:
    """Open the file for looking only, while no daemon runs; changes nothing on the disk.

    Raises:
        SchemaTooNewError: A newer hsid has written it.
        SchemaOutdatedError: It waits for its migration.
        ForeignDatabaseError: It belongs to another program.
        StoreUnavailableError: There is none, or it can't be read.
        StoreCorruptError: It is damaged, or no database.
    """
    database = _reader_without_writer(path)
    try:
        with database.snapshot() as connection:
            require_current(connection, path, remedy="start the daemon once to migrate it")
    except BaseException:
        database.close()
        raise
    return database


def revision_of_file(path: Path) -> str | None:
    """Return the revision of the schema in the file, None for an empty one."""
    with _reader_without_writer(path) as database, database.snapshot() as connection:
        return stored_revision(connection, path)


def look_for_damage(path: Path, *, within: Seconds) -> bool:
    """Look through the file for at most *within* seconds; tell whether that was enough for all.

    Its structure is looked at, and not whether indexes and tables agree: a second does for some
    200 MB. No file is as good as a sound one.

    Raises:
        StoreUnavailableError: It can't be read.
        StoreCorruptError: It is damaged, or no database.
    """
    if not path.exists():
        return True
    with _reader_without_writer(path) as database, database.snapshot() as connection:
        driver = driver_connection(connection)
        try:
            with _interrupted_after(within, driver):
                (found,) = driver.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return False
            raise
    if found != "ok":
        raise damage_of(" ".join(found.split()))
    return True


@contextmanager
def _interrupted_after(seconds: Seconds, driver: sqlite3.Connection) -> Iterator[None]:
    """End what the block has the *driver* do, if it takes longer."""
    done = Event()

    def interrupt() -> None:
        is_done = done.wait(seconds)
        while not is_done:
            driver.interrupt()  # unheard by a statement that has not begun yet
            is_done = done.wait(_INTERRUPT_AGAIN)

    alarm = Thread(target=interrupt)
    alarm.start()
    try:
        yield
    finally:
        done.set()
        alarm.join()


def _reader_without_writer(path: Path) -> SqliteReader:
    if not path.exists():
        raise StoreUnavailableError(f"there is no database at {path} yet")
    return SqliteReader(path, at_rest=_is_at_rest(path))


def _refuse_foreign(path: Path) -> None:
    """Look before opening for writing: the writer's settings would change another's file."""
    if path.stat().st_size == 0:
        return
    looking = SqliteReader(path, at_rest=_is_at_rest(path))
    with looking as database, database.snapshot() as connection:
        stored_revision(connection, path)


def _is_at_rest(path: Path) -> bool:
    """Tell whether the file holds everything, and nobody has it open: there is no log."""
    return not path.with_name(f"{path.name}-wal").exists()


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE))
    except OSError as error:
        raise StoreUnavailableError(f"can't open {path} for writing: {error.strerror}") from error
