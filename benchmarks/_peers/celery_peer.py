"""Celery with late acknowledgements and no results, on threads."""

import sys
from collections.abc import Callable
from typing import Any

from celery import Celery

from benchmarks._peers import _task

IS_ASYNC = False
app = Celery("benchmark", broker=_task.redis_url())
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=_task.AT_ONCE // _task.THREADS,
    broker_connection_retry_on_startup=True,
)


@app.task(name="work")
def work(message: dict[str, Any]) -> None:
    """Handle one message."""
    _task.handle(message)


def worker_command() -> list[str]:
    """Return what starts the worker."""
    options = ["-P", "threads", "-c", str(_task.THREADS), "-l", "error"]
    quiet = ["--without-gossip", "--without-mingle"]
    return [sys.executable, "-m", "celery", "-A", f"{__name__}:app", "worker", *options, *quiet]


def connect() -> Callable[[dict[str, Any]], object]:
    """Return the call that sends."""
    return work.delay
