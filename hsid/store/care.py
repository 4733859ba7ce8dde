"""Looking after a SQLite file: a copy of one moment, a check for damage, and giving back room.

The copy and the check read only, and may run beside a daemon. A database on a server is looked
after by its owner, with the server's own tools.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hsid.store.errors import StoreUnavailableError
from hsid.store.faults import raise_mapped

_FILE_MODE = 0o640
_MOST_FAULTS = 20
_PORTION = 4096
"""Pages copied between two signs of progress: 16 MiB."""


def back_up(path: Path, target: Path) -> None:
    """Copy the database as it is at one moment to *target*, whole or not at all.

    Raises:
        StoreUnavailableError: *target* is there already or can't be written, or there is no
            database.
        StoreCorruptError: The database is damaged.
    """
    if target.exists():
        raise StoreUnavailableError(f"{target} is there already, and is not written over")
    with _open(path) as source:
        copy_to(source, target)


def copy_to(
    source: sqlite3.Connection, target: Path, *, on_progress: Callable[[], object] | None = None
) -> None:
    """Copy what *source* leads to, whole and on the disk when this returns.

    *on_progress* is called after each portion. It is for who knows that nobody else writes: each
    write between two portions would begin the copy anew.
    """
    unfinished = target.with_name(f"{target.name}.part")
    _make_file(unfinished)
    with closing(sqlite3.connect(unfinished)) as copy:
        if on_progress is None:
            source.backup(copy)
        else:
            source.backup(copy, pages=_PORTION, progress=lambda *_: on_progress())
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
    _sync(unfinished)
    unfinished.replace(target)
    _sync(target.parent)


def faults_in(path: Path) -> list[str]:
    """Return what is wrong with the database, in SQLite's words; nothing if all is well.

    Reads all of it.

    Raises:
        StoreUnavailableError: It can't be read.
        StoreCorruptError: It is no database at all.
    """
    with _open(path) as connection:
        try:
            found = [
                row for (row,) in connection.execute(f"PRAGMA integrity_check({_MOST_FAULTS})")
            ]
            dangling = connection.execute("PRAGMA foreign_key_check").fetchmany(_MOST_FAULTS)
        except sqlite3.DatabaseError as error:
            return [str(error)]
    faults = [fault for fault in found if fault != "ok"]
    return faults + [
        f"{name}: row {row} refers to no {parent}" for name, row, parent, _ in dangling
    ]


def vacuum(path: Path) -> tuple[int, int]:
    """Write the database anew without unused pages; return its size before and after.

    Nobody else may have it open. Takes as much free room as the database is large. From then on
    freed pages can be given back a few at a time.

    Raises:
        StoreUnavailableError: It is in use, or there is no room.
        StoreCorruptError: It is damaged.
    """
    before = path.stat().st_size
    with _open(path, mode="rw") as connection:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return before, path.stat().st_size


@contextmanager
def _open(path: Path, *, mode: str = "ro") -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise StoreUnavailableError(f"there is no database at {path} yet")
    try:
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield connection
    except sqlite3.DatabaseError as error:
        raise_mapped(error)


def _make_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE_MODE))
    except OSError as error:
        raise StoreUnavailableError(f"can't write {path}: {error.strerror}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
