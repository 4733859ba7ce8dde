"""How huey's consumer is started, whatever keeps its queue."""

import sys

from benchmarks._peers import _task

_POLL_S = "0.01"


def command(instance: str) -> list[str]:
    """Return what starts the worker of *instance*; it looks often, and does not tire of it."""
    options = ["-w", str(_task.THREADS), "-d", _POLL_S, "-m", _POLL_S, "--quiet", "--no-periodic"]
    return [sys.executable, "-m", "huey.bin.huey_consumer", instance, *options]
