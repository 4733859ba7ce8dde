"""What the store costs on both databases, and whether that stays so when it holds years of events.

- events written one after the other, and many at once that share commits; the raw driver beside
  it, with the same rows: a commit each, and a commit for every hundred;
- a page of the timeline, of one camera's, of a search for a rare word, and the counts of a week:
  at a tenth of the size and at the whole of it;
- rows that retention deletes, the raw driver beside it.

`python -m benchmarks.store [--events 200000] [--writes 4000] [--json]`
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import trio
from sqlalchemy import Connection

from benchmarks import _store_retention as retention
from benchmarks import _store_years as years
from benchmarks._postgres_server import postgres_server
from benchmarks._report import Goal, at_most, print_report
from hsid.model import Severity
from hsid.store.database import open_database
from hsid.store.schema import batches, events
from hsid.store.search import EventQuery, search, statistics
from hsid.store.store import Store

GROWTH_GOAL = 3.0
"""How much dearer a question may be at ten times the size."""
AT_ONCE = 64
PAGE = 50
ROUNDS = 30
WRITES_BEGIN = 10_000_000
"""Numbers of events that nothing else uses."""

QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "timeline": lambda conn: search(conn, EventQuery(), PAGE),
    "timeline of a camera": lambda conn: search(conn, EventQuery(camera_id="driveway"), PAGE),
    "timeline of a level": lambda conn: search(conn, EventQuery(level=Severity.CRITICAL), PAGE),
    "a rare word": lambda conn: search(conn, EventQuery(words=years.RARE_WORD), PAGE),
    "counts of a week": lambda conn: statistics(
        conn, EventQuery(since=years.LATEST - timedelta(days=7)), UTC
    ),
}


@contextmanager
def sqlite_url() -> Iterator[str]:
    """Give the URL of a file that does not exist yet."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/security.db"


@contextmanager
def postgres_url() -> Iterator[str]:
    """Give the URL of an empty database on a server of its own."""
    with postgres_server() as server:
        yield server.create_database("house")


def ask(conn: Connection) -> dict[str, float]:
    """Return the middle of the milliseconds that each question takes."""
    found = {}
    for name, question in QUESTIONS.items():
        question(conn)
        laps = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            question(conn)
            laps.append(time.perf_counter() - began)
        found[name] = 1000 * sorted(laps)[ROUNDS // 2]
    return found


def grow(url: str, count: int) -> dict[str, dict[str, float]]:
    """Return what the questions cost at a tenth of *count* events and at all of them."""
    few = count // 10
    with open_database(url, auto_migrate=True) as database:
        with database.transaction() as conn:
            years.fill(conn, 0, few)
            years.analyze(conn)
        with database.transaction() as conn:
            before = ask(conn)
        with database.transaction() as conn:
            years.fill(conn, few, count - few)
            years.analyze(conn)
        with database.transaction() as conn:
            after = ask(conn)
    return {
        name: {
            f"ms_at_{few}": round(before[name], 3),
            f"ms_at_{count}": round(after[name], 3),
            "ratio": round(after[name] / before[name], 2),
        }
        for name in QUESTIONS
    }


async def write(url: str, count: int) -> dict[str, float]:
    """Return how many events a second the store takes, one by one and *AT_ONCE* at once."""
    store = Store(url)
    async with trio.open_nursery() as nursery:
        opened = trio.Event()
        nursery.start_soon(partial(store.serve, ready=opened.set))
        await opened.wait()
        numbers = iter(range(WRITES_BEGIN, WRITES_BEGIN + count))
        one_by_one = await _timed(store, numbers, tasks=1, count=count // 10)
        at_once = await _timed(store, numbers, tasks=AT_ONCE, count=count - count // 10)
        nursery.cancel_scope.cancel()
    return {"one by one": one_by_one, f"{AT_ONCE} at once": at_once}


async def _timed(store: Store, numbers: Iterator[int], *, tasks: int, count: int) -> float:
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            number = next(numbers)
            await store.write(partial(_write_event, number=number))

    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(work)
    return round(count / (time.perf_counter() - began))


def _write_event(conn: Connection, number: int) -> None:
    years.fill(conn, number, 1)


def write_raw(url: str, count: int) -> dict[str, float]:
    """Return the same of the bare driver, with a commit each and one for every hundred."""
    marks = {"one by one": (1, count // 10), "100 a commit": (100, count)}
    rates, first = {}, 2 * WRITES_BEGIN
    for name, (group, total) in marks.items():
        rates[name] = _write_raw(url, first, total, group)
        first += total
    return rates


def _write_raw(url: str, first: int, count: int, group: int) -> float:
    sign = "?" if url.startswith("sqlite") else "%s"
    add_batch = _insert(batches.name, years.batch_row(0), sign)
    add_event = _insert(events.name, years.event_row(0), sign)
    rows = list(years.raw_rows(first, count))
    with closing(_connect(url)) as connection:
        cursor = connection.cursor()
        began = time.perf_counter()
        for place in range(0, count, group):
            portion = rows[place : place + group]
            cursor.executemany(add_batch, [batch for batch, _ in portion])
            cursor.executemany(add_event, [event for _, event in portion])
            connection.commit()
        return round(count / (time.perf_counter() - began))


def _insert(table: str, row: dict[str, Any], sign: str) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join([sign] * len(row))})"  # noqa: S608 - ours


def _connect(url: str) -> Any:
    if not url.startswith("sqlite"):
        return psycopg.connect(url)
    connection = sqlite3.connect(Path(url.removeprefix("sqlite:///")))
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--writes", type=int, default=4_000)
    parser.add_argument("--json", action="store_true", help="the only format there is")
    options = parser.parse_args()
    raw: dict[str, object] = {}
    goals: list[Goal] = []
    for name, open_url in {"sqlite": sqlite_url, "postgres": postgres_url}.items():
        with open_url() as url:
            questions = grow(url, options.events)
            raw[name] = {
                "questions": questions,
                "events_per_second": {
                    "hsid": trio.run(write, url, options.writes),
                    "raw driver": write_raw(url, options.writes),
                },
                "retention_rows_per_second": retention.measure(url, options.writes, _connect),
            }
        goals += [
            at_most(f"{name}: {question}, times at ten times the size", cost["ratio"], GROWTH_GOAL)
            for question, cost in questions.items()
        ]
    print_report("store", raw, goals)


if __name__ == "__main__":
    main()
