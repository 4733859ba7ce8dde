"""Single runs: messages through one queue, by processes of their own, on a server or in a file."""

import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from benchmarks._queue_job import Job, await_mark, log_of, started
from benchmarks._queue_tally import Mark, Tally
from benchmarks._redis_server import RedisServer

_WARM_UP = 5  # hops that open connections
_PAUSE_S = 0.02


def redis_rate(kind: str, server: RedisServer, folder: Path, count: int, batch: int = 1) -> float:
    """Return how many messages a second *kind*, `hsid` or `raw`, moves from process to process."""
    tally = _through_redis(kind, server, folder, count, batch)
    return count / (tally.at(Mark.ENDED) - tally.at(Mark.BEGAN))


def redis_idle(kind: str, server: RedisServer, folder: Path, count: int) -> list[float]:
    """Return the milliseconds from before the send to the handler, one message at a time."""
    tally = _through_redis(kind, server, folder, count + _WARM_UP, 1, _PAUSE_S)
    return tally.latencies_ms()[_WARM_UP:]


def embedded_rate(kind: str, folder: Path, count: int, batch: int = 1) -> float:
    """Return how many messages a second *kind*, `hsid` or `raw`, moves through a SQLite file."""
    tally = _through_file(kind, folder, count, batch)
    return count / (tally.at(Mark.ENDED) - tally.at(Mark.BEGAN))


def embedded_idle(kind: str, folder: Path, count: int) -> list[float]:
    """Return the milliseconds from before the put to the handler, one message at a time."""
    tally = _through_file(kind, folder, count + _WARM_UP, 1, _PAUSE_S)
    return tally.latencies_ms()[_WARM_UP:]


def _through_redis(
    kind: str, server: RedisServer, folder: Path, count: int, batch: int, pause: float = 0.0
) -> Tally:
    server.command("FLUSHALL")
    tally = _new_tally(folder, count)
    producer = Job(f"{kind}-produce", server.url, str(tally.path), batch, pause)
    consumer = Job(f"{kind}-consume", server.url, str(tally.path), batch)
    with ExitStack() as processes:
        process = processes.enter_context(started(consumer))
        await_mark(tally, Mark.READY, process, log_of(consumer))
        processes.enter_context(started(producer))
        await_mark(tally, Mark.ENDED, process, log_of(consumer))
    return tally


def _through_file(kind: str, folder: Path, count: int, batch: int, pause: float = 0.0) -> Tally:
    tally = _new_tally(folder, count)
    file = tally.path.with_suffix(".db")
    job = Job(f"{kind}-embedded", str(file), str(tally.path), batch, pause)
    with started(job) as process:
        await_mark(tally, Mark.ENDED, process, log_of(job))
        process.wait(timeout=20)
    return tally


def _new_tally(folder: Path, count: int) -> Tally:
    return Tally.create(folder / f"{uuid4().hex}.tally", count)


def percentiles(values: list[float]) -> dict[str, float]:
    """Return the middle and the last hundredth of *values*."""
    return {
        "count": len(values),
        "p50_ms": round(statistics.median(values), 3),
        "p99_ms": round(statistics.quantiles(values, n=100)[-1], 3),
    }


def settle_down() -> None:
    """Let the machine come to rest between two runs."""
    time.sleep(0.2)
