"""The ceilings: plain Redis Streams by redis-py, and plain sqlite3, with nothing around them."""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any

import redis

from benchmarks._queue_job import Job
from benchmarks._queue_tally import Mark, Tally, message

_STREAM, _GROUP, _CONSUMER = "work", "benchmark", "one"
_BLOCK_MS = 1000


def produce(job: Job) -> None:
    """Add messages to a stream, `job.batch` a round trip."""
    tally = job.open_tally()
    with redis.Redis.from_url(job.target) as client:
        client.ping()
        tally.mark(Mark.BEGAN)
        for numbers in _batches(tally.count, job.batch):
            time.sleep(job.pause)
            tally.note_sent(numbers[0])
            _add(client, numbers)
        tally.mark(Mark.SENT)


def _add(client: redis.Redis, numbers: Sequence[int]) -> None:
    if len(numbers) == 1:
        client.xadd(_STREAM, {"m": json.dumps(message(numbers[0]))})
        return
    with client.pipeline(transaction=False) as pipe:
        for number in numbers:
            pipe.xadd(_STREAM, {"m": json.dumps(message(number))})
        pipe.execute()


def consume(job: Job) -> None:
    """Read the stream by its consumer group, `job.batch` at a time; acknowledge and delete."""
    tally = job.open_tally()
    with redis.Redis.from_url(job.target, protocol=2) as client:
        client.xgroup_create(_STREAM, _GROUP, "0", mkstream=True)
        tally.mark(Mark.READY)
        left = tally.count
        while left:
            entries = _read(client, job.batch)
            for _, fields in entries:
                tally.note_handled(json.loads(fields[b"m"])["number"])
            if entries:
                _acknowledge(client, [entry_id for entry_id, _ in entries])
            left -= len(entries)
        tally.mark(Mark.ENDED)


def _read(client: redis.Redis, count: int) -> list[Any]:
    reply: Any = client.xreadgroup(_GROUP, _CONSUMER, {_STREAM: ">"}, count=count, block=_BLOCK_MS)
    if isinstance(reply, dict):  # as some versions of the client give it
        reply = [[stream, pages[0]] for stream, pages in reply.items()]
    return list(reply[0][1]) if reply else []


def _acknowledge(client: redis.Redis, ids: Sequence[Any]) -> None:
    with client.pipeline(transaction=False) as pipe:
        pipe.xack(_STREAM, _GROUP, *ids)
        pipe.xdel(_STREAM, *ids)
        pipe.execute()


def embedded(job: Job) -> None:
    """Insert `job.batch` messages and commit, read and delete them and commit, over and over."""
    tally = job.open_tally()
    connection = sqlite3.connect(job.target, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE work (seq INTEGER PRIMARY KEY, payload TEXT NOT NULL)")
    tally.mark(Mark.READY)
    tally.mark(Mark.BEGAN)
    for numbers in _batches(tally.count, job.batch):
        time.sleep(job.pause)
        tally.note_sent(numbers[0])
        _hop(connection, numbers, tally)
    tally.mark(Mark.SENT)
    tally.mark(Mark.ENDED)
    connection.close()


def _hop(connection: sqlite3.Connection, numbers: Sequence[int], tally: Tally) -> None:
    rows = [(json.dumps(message(number)),) for number in numbers]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO work (payload) VALUES (?)", rows)
    connection.execute("COMMIT")
    connection.execute("BEGIN IMMEDIATE")
    found = connection.execute(
        "SELECT seq, payload FROM work ORDER BY seq LIMIT ?", (len(numbers),)
    ).fetchall()
    for _, payload in found:
        tally.note_handled(json.loads(payload)["number"])
    connection.executemany("DELETE FROM work WHERE seq = ?", [(seq,) for seq, _ in found])
    connection.execute("COMMIT")


def _batches(count: int, size: int) -> Iterator[range]:
    for first in range(0, count, size):
        yield range(first, min(count, first + size))
