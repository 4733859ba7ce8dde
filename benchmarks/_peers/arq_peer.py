"""arq, whose worker polls: every 10 ms here instead of every half a second."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import RedisSettings

from benchmarks._peers import _task

IS_ASYNC = True


async def work(_context: dict[str, Any], message: dict[str, Any]) -> None:
    """Handle one message."""
    _task.handle(message)


class Worker:
    """The settings of the worker."""

    functions: ClassVar = [work]
    redis_settings = RedisSettings.from_dsn(_task.redis_url())
    keep_result = 0
    poll_delay = 0.01
    max_jobs = _task.AT_ONCE


def worker_command() -> list[str]:
    """Return what starts the worker."""
    return [sys.executable, "-m", "arq", f"{__name__}.Worker"]


async def connect() -> Callable[[dict[str, Any]], Awaitable[object]]:
    """Return the call that sends."""
    pool = await create_pool(RedisSettings.from_dsn(_task.redis_url()))

    async def send(message: dict[str, Any]) -> object:
        return await pool.enqueue_job("work", message)

    return send
