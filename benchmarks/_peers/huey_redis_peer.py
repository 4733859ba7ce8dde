"""huey on Redis, with one process of threads."""

from collections.abc import Callable
from functools import partial
from typing import Any

from huey import RedisHuey

from benchmarks._peers import _huey_worker, _task

IS_ASYNC = False
huey = RedisHuey("benchmark", url=_task.redis_url())


@huey.task()
def work(message: dict[str, Any]) -> None:
    """Handle one message."""
    _task.handle(message)


worker_command = partial(_huey_worker.command, f"{__name__}.huey")


def connect() -> Callable[[dict[str, Any]], object]:
    """Return the call that sends."""
    return work
