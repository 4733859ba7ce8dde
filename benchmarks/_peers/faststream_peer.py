"""FastStream on a Redis stream with a consumer group."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub

from benchmarks._peers import _task

IS_ASYNC = True
broker = RedisBroker(_task.redis_url())
app = FastStream(broker)


@broker.subscriber(
    stream=StreamSub("work", group="benchmark", consumer="one", max_records=_task.AT_ONCE)
)
async def work(message: dict[str, Any]) -> None:
    """Handle one message."""
    _task.handle(message)


def worker_command() -> list[str]:
    """Return what starts the worker."""
    return [sys.executable, "-m", "faststream", "run", f"{__name__}:app", "--log-level", "error"]


async def connect() -> Callable[[dict[str, Any]], Awaitable[object]]:
    """Return the call that sends."""
    await broker.connect()

    async def send(message: dict[str, Any]) -> object:
        return await broker.publish(message, stream="work")

    return send
