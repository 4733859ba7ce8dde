"""Opening a SQLite file: the writer's settings, the readers', and their transactions.

A writer's transaction takes the write lock when it begins (BEGIN IMMEDIATE): it waits there for
its turn instead of failing later, when it has read and wants to write. A reader can't write, and
can't checkpoint either. The file is never made here in passing: a database that was deleted under
a running daemon is an error, not an empty one.
"""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.pool import NullPool

from hsid.store.errors import StoreUnavailableError, UnsupportedDatabaseError

BUSY_TIMEOUT_MS = 30_000
_SQLITE_URL = "sqlite:///"


def database_path(url: str | Path) -> Path:
    """Return the file that *url* names, `sqlite:///relative` or `sqlite:////absolute`.

    Raises:
        UnsupportedDatabaseError: The URL names another kind of database, or one in memory.
    """
    if isinstance(url, Path):
        return url
    if url.startswith(_SQLITE_URL) and len(url) > len(_SQLITE_URL):
        return Path(url.removeprefix(_SQLITE_URL))
    kind = url.partition(":")[0]
    raise UnsupportedDatabaseError(
        f"database_url must name a SQLite file, sqlite:///PATH; {kind!r} URLs are not supported"
    )


def writer_engine(path: Path) -> Engine:
    """Return an engine whose connections write, durably: a commit survives a power cut."""
    engine = create_engine(_SQLITE_URL, creator=lambda: _open_writer(path), poolclass=NullPool)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def reader_engine(path: Path, *, size: int, at_rest: bool) -> Engine:
    """Return an engine of up to *size* read-only connections, usable from any thread.

    *at_rest* promises that nobody writes to the file and that it has no log: it is then read
    without any right to its directory, and without leaving a log behind.
    """
    engine = create_engine(
        _SQLITE_URL,
        creator=lambda: _open_reader(path, at_rest=at_rest),
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
    )
    event.listen(engine, "begin", _begin)
    return engine


def driver_connection(connection: Connection) -> sqlite3.Connection:
    """Return what is under *connection*, for what must not begin a transaction."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise UnsupportedDatabaseError("this connection is not to a SQLite file")
    return driver


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _open_writer(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
    try:
        _configure_writer(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure_writer(connection: sqlite3.Connection, path: Path) -> None:
    # SQLAlchemy says when a transaction begins; the driver must not begin others by itself.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    # Before the first table: retention can then give freed pages back to the disk, a few at a time.
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StoreUnavailableError(f"{path} can't have a write-ahead log: use a local disk")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _open_reader(path: Path, *, at_rest: bool) -> sqlite3.Connection:
    query = "mode=ro&immutable=1" if at_rest else "mode=ro"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}", uri=True, check_same_thread=False
    )
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    return connection
