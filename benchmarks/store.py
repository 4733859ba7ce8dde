"""What the store costs on both databases, and whether that stays so when it holds years of events.

- events written one after the other, and many at once that share commits; the raw driver beside
  it, with the same rows: a commit each, and a commit for every hundred;
- pages of the timeline, at its beginning and deep inside, with each filter and with several;
  counts; a portion of retention's work: at a tenth of the size and at the whole of it;
- rows that retention deletes, the raw driver beside it.

An event is two uploads and ten detections. `--events 500000` is the house that hsid is built for:
5 million detections. It takes about 10 GB of disk and a quarter of an hour.

`python -m benchmarks.store [--events 50000] [--writes 4000] [--json]`
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import trio
from sqlalchemy import Connection, insert

from benchmarks import _store_filling as filling
from benchmarks import _store_retention as retention
from benchmarks import _store_years as years
from benchmarks._postgres_server import postgres_server
from benchmarks._report import Goal, at_most, print_report
from benchmarks._store_questions import COUNTS_OF_ALL, RETENTION, ask, retain
from hsid.store.database import open_database, open_read_only
from hsid.store.schema import batches, events
from hsid.store.store import Store

GROWTH_GOAL = 3.0
"""How much dearer a question may be at ten times the size."""
AT_ONCE = 64
SHARED_BUFFERS = "128MB"
"""The server's own default; that of tests is less."""
WRITES_BEGIN = 10_000_000
"""Numbers of events that nothing else uses."""


@contextmanager
def sqlite_url() -> Iterator[str]:
    """Give the URL of a file that does not exist yet."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/security.db"


@contextmanager
def postgres_url() -> Iterator[str]:
    """Give the URL of an empty database on a server of its own."""
    with postgres_server(shared_buffers=SHARED_BUFFERS) as server:
        yield server.create_database("house")


def grow(url: str, count: int) -> dict[str, dict[str, float]]:
    """Return what the questions cost at a tenth of *count* events and at all of them."""
    few = count // 10
    open_database(url, auto_migrate=True).close()
    before = _filled(url, 0, few)
    after = _filled(url, few, count)
    return {
        name: {
            f"ms_at_{few}": round(before[name], 3),
            f"ms_at_{count}": round(after[name], 3),
            "ratio": round(after[name] / before[name], 2),
        }
        for name in before
    }


def _filled(url: str, first: int, count: int) -> dict[str, float]:
    """Return the milliseconds of each question, of *count* events, *first* of which are there."""
    filling.fill(url, first, count - first)
    with open_read_only(url) as reader:
        costs = ask(reader, count)
    with open_database(url) as database:
        return costs | {RETENTION: retain(database)}


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
    conn.execute(insert(batches).values(years.batch_row(number)))
    conn.execute(insert(events).values(years.event_row(number)))


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
    add_batch = filling.insertion(batches.name, years.batch_row(0), sign)
    add_event = filling.insertion(events.name, years.event_row(0), sign)
    numbers = range(first, first + count)
    rows = [(filling.plain(years.batch_row(n)), filling.plain(years.event_row(n))) for n in numbers]
    with closing(filling.connect(url)) as connection:
        cursor = connection.cursor()
        began = time.perf_counter()
        for place in range(0, count, group):
            portion = rows[place : place + group]
            cursor.executemany(add_batch, [batch for batch, _ in portion])
            cursor.executemany(add_event, [event for _, event in portion])
            connection.commit()
        return round(count / (time.perf_counter() - began))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
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
                "retention_rows_per_second": retention.measure(url, options.writes),
            }
        goals += [
            at_most(f"{name}: {question}, times at ten times the size", cost["ratio"], GROWTH_GOAL)
            for question, cost in questions.items()
            if question != COUNTS_OF_ALL
        ]
    print_report("store", raw, goals)


if __name__ == "__main__":
    main()
