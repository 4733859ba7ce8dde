"""dramatiq with one process of threads."""

import sys
from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks._peers import _task

IS_ASYNC = False
dramatiq.set_broker(RedisBroker(url=_task.redis_url()))


@dramatiq.actor
def work(message: dict[str, Any]) -> None:
    """Handle one message."""
    _task.handle(message)


def worker_command() -> list[str]:
    """Return what starts the worker."""
    size = ["--processes", "1", "--threads", str(_task.THREADS)]
    return [sys.executable, "-m", "dramatiq", __name__, *size]


def connect() -> Callable[[dict[str, Any]], object]:
    """Return the call that sends."""
    return work.send
