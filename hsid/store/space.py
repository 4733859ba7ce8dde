"""How much room the database takes, and giving back what it no longer needs."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

_INCREMENTAL = 2
"""The value of SQLite's `auto_vacuum` with which pages can be given back a few at a time."""


@dataclass(frozen=True, slots=True)
class DatabaseSpace:
    """Bytes *in_use* and *spare* in the database; *is_returnable*: the spare ones can be freed.

    *is_local*: it is a file.
    """

    in_use: int
    spare: int
    is_returnable: bool
    is_local: bool


def measure(conn: Connection) -> DatabaseSpace:
    """Return the room that the database takes, its log aside."""
    if conn.dialect.name != "sqlite":
        size = conn.scalar(text("SELECT pg_database_size(current_database())"))
        return DatabaseSpace(int(size or 0), 0, is_returnable=False, is_local=False)
    pages, free, size, mode = (
        int(conn.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size", "auto_vacuum")
    )
    in_use, is_returnable = (pages - free) * size, mode == _INCREMENTAL
    return DatabaseSpace(in_use, free * size, is_returnable, is_local=True)


def give_back(conn: Connection, most_pages: int) -> int:
    """Cut up to *most_pages* unused pages off the file; return how many are left.

    0 as well where the database manages that by itself.
    """
    if conn.dialect.name != "sqlite":
        return 0
    before = _free_pages(conn)
    # Page by page: a statement that gives rows without columns is ended by the driver after the
    # first of them, and each row is a page.
    for _ in range(min(before, most_pages)):
        conn.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    after = _free_pages(conn)
    return after if after < before else 0


def log_size(path: Path) -> int:
    """Return the size of the write-ahead log beside the SQLite file *path*, 0 if there is none."""
    log = path.with_name(f"{path.name}-wal")
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def _free_pages(conn: Connection) -> int:
    return int(conn.exec_driver_sql("PRAGMA freelist_count").scalar_one())
