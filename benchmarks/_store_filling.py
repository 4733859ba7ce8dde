"""Millions of rows into a database in minutes, past hsid and past its checks of references."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import chain
from typing import Any, Final

import psycopg

from benchmarks import _store_years as years
from benchmarks._store_years import Row

_PORTION = 10_000
_OF_AN_EVENT: Final = {
    "uploads": years.upload_rows,
    "detections": years.detection_rows,
    "batches": lambda number: (years.batch_row(number),),
    "events": lambda number: (years.event_row(number) | {"id": years.event_id(number)},),
    "event_labels": years.label_rows,
}
"""Tables, referenced ones first; what an event adds to each."""
_NUMBERED = ("uploads", "detections", "events")


def connect(url: str) -> Any:
    """Return a connection of the bare driver, which commits as safely as hsid does."""
    if not url.startswith("sqlite"):
        return psycopg.connect(url)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def fill(url: str, first: int, count: int) -> None:
    """Add the events with the numbers from *first* on, and have the database look at them."""
    with closing(connect(url)) as connection:
        if url.startswith("sqlite"):
            _fill_file(connection, first, count)
        else:
            _fill_server(connection, first, count)


def plain(row: Row) -> Sequence[Any]:
    """Return the values of *row* as SQLite keeps them, times as text."""
    return [
        value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value
        for value in row.values()
    ]


def insertion(table: str, row: Row, sign: str) -> str:
    """Return the statement that inserts a row like *row*, *sign* standing for its values."""
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join([sign] * len(row))})"  # noqa: S608 - ours


def _fill_file(connection: sqlite3.Connection, first: int, count: int) -> None:
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-200000")
    for table, rows in _rows(first, count):
        row = next(rows)
        values = map(plain, chain([row], rows))
        connection.executemany(insertion(table, row, "?"), values)
        connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_server(connection: psycopg.Connection[Any], first: int, count: int) -> None:
    connection.autocommit = True
    connection.execute("SET session_replication_role = replica")  # no checks of references
    for table, rows in _rows(first, count):
        row = next(rows)
        with connection.cursor().copy(f"COPY {table} ({', '.join(row)}) FROM STDIN") as copy:
            for each in chain([row], rows):
                copy.write_row(list(each.values()))
    for table in _NUMBERED:
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        connection.execute(f"SELECT setval({sequence}, max(id)) FROM {table}")  # noqa: S608 - ours
    connection.execute("VACUUM ANALYZE")


def _rows(first: int, count: int) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield rows by table, oldest events first, in portions that no memory is short for."""
    if first == 0:
        yield "cameras", iter(years.camera_rows())
    oldest = first + count
    for end in range(oldest, first, -_PORTION):
        numbers = range(end - 1, max(first, end - _PORTION) - 1, -1)
        for table, of_event in _OF_AN_EVENT.items():
            yield table, chain.from_iterable(map(of_event, numbers))
