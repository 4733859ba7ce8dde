"""What a process of the queue benchmark is told to do, and how its parent starts it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import Popen

from benchmarks._queue_tally import Mark, Tally

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60.0
"""How long a process may take to become ready, or to finish."""
IN_FLIGHT = 64
"""How many puts a producer has under way at once."""


@dataclass(frozen=True, slots=True)
class Job:
    """One process's part in a run."""

    role: str
    target: str
    """The server's URL, or the file of the embedded queue."""
    tally: str
    batch: int = 1
    """How many messages the raw client moves at a time."""
    pause: float = 0.0
    """Between two messages, so that each finds an idle consumer; 0 for as fast as it goes."""

    def open_tally(self) -> Tally:
        """Return the table of this run."""
        return Tally(Path(self.tally))


def job_of(arguments: Sequence[str]) -> Job:
    """Return the job that a process was started with."""
    return Job(**json.loads(arguments[0]))


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Popen[bytes]]:
    """Run a process, and all that it starts, until the block ends. It writes to *log*."""
    with log.open("ab") as output:
        process = Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: Popen[bytes]) -> None:
    """End *process* and what it has started."""
    process.terminate()
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        return  # it left nobody behind


@contextmanager
def started(job: Job) -> Iterator[Popen[bytes]]:
    """Run the process that does *job*."""
    command = [sys.executable, "-m", "benchmarks._queue_roles", json.dumps(asdict(job))]
    with running(command, log_of(job)) as process:
        yield process


def log_of(job: Job) -> Path:
    """Return where the process of *job* writes what goes wrong."""
    return Path(job.tally).with_suffix(".log")


def await_mark(tally: Tally, mark: Mark, process: Popen[bytes], log: Path) -> None:
    """Wait until *process* has come to *mark*; raise if it ends before."""
    deadline = time.monotonic() + PATIENCE_S
    while not tally.at(mark):
        if process.poll() is not None and not tally.at(mark):
            raise ChildProcessError(f"a process of the benchmark ended: {log.read_text()[-2000:]}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{mark.name} has not come: {log.read_text()[-2000:]}")
        time.sleep(0.005)
