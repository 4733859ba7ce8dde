"""huey on SQLite at synchronous=FULL, as durable as our embedded queue."""

from collections.abc import Callable
from functools import partial
from typing import Any

from huey import SqliteHuey

from benchmarks._peers import _huey_worker, _task

IS_ASYNC = False
huey = SqliteHuey("benchmark", filename=_task.file())


@huey.task()
def work(message: dict[str, Any]) -> None:
    """Handle one message."""
    _task.handle(message)


worker_command = partial(_huey_worker.command, f"{__name__}.huey")


def connect() -> Callable[[dict[str, Any]], object]:
    """Return the call that sends."""
    return work
