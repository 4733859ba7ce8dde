"""What the peers' modules are told by their environment, and what their tasks do."""

import os
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks._queue_tally import Tally

AT_ONCE = 64
"""How many messages a worker may hold, where it can be told."""
THREADS = 8
"""How many threads a worker has that can't hold more messages than threads."""


def redis_url() -> str:
    """Return the server of the run."""
    return os.environ["HSID_BENCH_REDIS"]


def file() -> str:
    """Return the SQLite file of the run."""
    return os.environ["HSID_BENCH_FILE"]


@cache
def tally() -> Tally:
    """Return the table of the run; each process opens it for itself."""
    return Tally(Path(os.environ["HSID_BENCH_TALLY"]))


def handle(message: dict[str, Any]) -> None:
    """Note the message."""
    tally().note_handled(message["number"])
