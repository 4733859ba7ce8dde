"""taskiq on a Redis stream."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from taskiq_redis import RedisStreamBroker

from benchmarks._peers import _task

IS_ASYNC = True
broker = RedisStreamBroker(url=_task.redis_url())


@broker.task(task_name="work")
async def work(message: dict[str, Any]) -> None:
    """Handle one message."""
    _task.handle(message)


def worker_command() -> list[str]:
    """Return what starts the worker."""
    size = ["--workers", "1", "--max-async-tasks", str(_task.AT_ONCE)]
    quiet = ["--log-level", "ERROR"]
    return [sys.executable, "-m", "taskiq", "worker", f"{__name__}:broker", *size, *quiet]


async def connect() -> Callable[[dict[str, Any]], Awaitable[object]]:
    """Return the call that sends."""
    await broker.startup()
    return work.kiq
