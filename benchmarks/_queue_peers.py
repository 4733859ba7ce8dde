"""Runs of the peers, each in two processes like ours: one that sends, one worker.

Clients without an event loop are measured twice, by 64 threads and by one as their manuals show
it, and the faster counts: threads of one Python process can stand in each other's way.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks._peers._send import TRIAL
from benchmarks._queue_job import IN_FLIGHT, ROOT, running
from benchmarks._queue_tally import Tally

_RUN_DEADLINE_S = 150.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A queue that others make. *module* is in `benchmarks._peers`, *package* is what it needs."""

    module: str
    package: str
    is_async: bool

    @property
    def is_installed(self) -> bool:
        """Whether it can be measured here."""
        return importlib.util.find_spec(self.package) is not None


ON_REDIS: Mapping[str, Peer] = {
    "arq": Peer("arq", "arq", is_async=True),
    "dramatiq": Peer("dramatiq", "dramatiq", is_async=False),
    "taskiq": Peer("taskiq", "taskiq_redis", is_async=True),
    "celery": Peer("celery", "celery", is_async=False),
    "faststream": Peer("faststream", "faststream", is_async=True),
    "huey": Peer("huey_redis", "huey", is_async=False),
}
HUEY_ON_SQLITE = Peer("huey_sqlite", "huey", is_async=False)


@dataclass(frozen=True, slots=True)
class Size:
    """How much a peer is given: what fits *seconds* at its own speed, but at most *messages*."""

    messages: int
    seconds: float


def measure(
    peer: Peer, folder: Path, size: Size, url: str = "", empty: Callable[[], object] = bool
) -> dict[str, Any]:
    """Return what came of *peer*: its rates, or why there are none.

    Args:
        peer: Whom to measure.
        folder: For its files.
        size: How much it is given.
        url: The server.
        empty: Called before each run.
    """
    if not peer.is_installed:
        return {"skipped": f"the package {peer.package} is not installed"}
    runs = {}
    for at_once in (IN_FLIGHT,) if peer.is_async else (IN_FLIGHT, 1):
        empty()
        runs[f"{at_once} at once"] = _run(peer, folder, size, url, at_once)
    rates = [run["per_second"] for run in runs.values() if "per_second" in run]
    return {"per_second": max(rates, default=None), "runs": runs}


def _run(peer: Peer, folder: Path, size: Size, url: str, at_once: int) -> dict[str, Any]:
    tally = Tally.create(folder / f"{uuid4().hex}.tally", 1 + TRIAL + size.messages)
    environment = {
        "HSID_BENCH_REDIS": url,
        "HSID_BENCH_FILE": str(tally.path.with_suffix(".db")),
        "HSID_BENCH_TALLY": str(tally.path),
    }
    module = f"benchmarks._peers.{peer.module}_peer"
    print_command = f"import json, {module} as peer; print(json.dumps(peer.worker_command()))"
    log = tally.path.with_suffix(".log")
    log.touch()
    try:
        worker = json.loads(_output([sys.executable, "-c", print_command], environment))
        words = [peer.module, str(at_once), str(size.seconds), str(size.messages)]
        sending = [sys.executable, "-m", "benchmarks._peers._send", *words]
        with running(worker, log, environment):
            result: dict[str, Any] = json.loads(_output(sending, environment))
    except (subprocess.SubprocessError, ValueError) as error:
        stderr = getattr(error, "stderr", None) or ""
        return {"error": f"{error}", "stderr": stderr[-500:], "worker": log.read_text()[-500:]}
    return result


def _output(command: list[str], environment: Mapping[str, str]) -> str:
    """Run *command* and return the last line that it prints."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_RUN_DEADLINE_S,
        check=True,
    )
    return done.stdout.splitlines()[-1] if done.stdout else ""
