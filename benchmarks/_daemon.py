"""The daemon as a process of its own, with a folder to feed and a socket to ask."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hsid.cli import client
from hsid.cli.client import Document
from hsid.constants import DETECTION_QUEUE

PATIENCE_S = 120.0
"""How long a benchmark waits for anything: beyond that it has failed."""

PROGRAM = ("hsid.cli.hsid",)
"""The module that is the daemon, and the arguments before its command."""

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon: where it looks, where it answers, and its process."""

    folder: Path
    socket_path: Path
    process: subprocess.Popen[bytes]

    def status(self) -> Document:
        """Return the status document."""
        return client.get(self.socket_path, "/v1/status", timeout=PATIENCE_S)

    def uploads(self) -> dict[str, int]:
        """Return the accounting."""
        return dict(self.status()["uploads"])

    def wait_until_it_answers(self) -> None:
        """Wait until its socket answers, and the database is there to be asked."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ChildProcessError(f"the daemon ended with {self.process.returncode}")
            if self._can_count():
                return
            time.sleep(0.05)
        raise TimeoutError("the daemon does not answer")

    def _can_count(self) -> bool:
        try:
            return self.status()["uploads"]["arrived"] is not None
        except client.ControlError:
            return False

    def kill(self) -> None:
        """Kill it as `kill -9` does, and wait until it is gone; raise if it was already."""
        if self.process.poll() is not None:
            raise ChildProcessError(f"the daemon ended with {self.process.returncode}")
        self.process.kill()
        self.process.wait()

    def wait_until(self, is_reached: Callable[[Document], bool]) -> float:
        """Wait until the status is such that *is_reached*; return the monotonic time."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if is_reached(self.status()):
                return time.monotonic()
            time.sleep(0.02)
        raise TimeoutError(f"not reached in {PATIENCE_S:.0f} s: {self.status()}")

    def wait_for(self, count: int) -> float:
        """Wait until *count* uploads are past detection; return the monotonic time."""
        return self.wait_until(partial(_is_past_detection, count))

    def database(self) -> Path:
        """Return the file of the database."""
        return self.socket_path.with_name("security.db")

    def rss_mb(self) -> dict[str, float]:
        """Return the resident memory of the daemon and of its workers together, in MiB."""
        own = _rss_kib(self.process.pid)
        return {
            "daemon": round(own / 1024, 1),
            "workers": round(sum(map(_rss_kib, _children(self.process.pid))) / 1024, 1),
        }

    def cpu_seconds(self) -> float:
        """Return the processor time that the daemon itself has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(base: Path, program: Sequence[str] = PROGRAM, **settings: object) -> Iterator[Daemon]:
    """Run the daemon under *base* until the block ends; *settings* go into its file."""
    with launched(base, program, **settings) as daemon:
        daemon.wait_until_it_answers()
        yield daemon


@contextmanager
def launched(base: Path, program: Sequence[str] = PROGRAM, **settings: object) -> Iterator[Daemon]:
    """As `running`, for those who don't wait until it answers."""
    folder, data = base / "cameras", base / "data"
    folder.mkdir(parents=True, exist_ok=True)
    values: dict[str, object] = {
        "foscam_base_path": str(folder),
        "data_dir": str(data),
        "api_port": free_port(),
        "log_level": "WARNING",
    }
    values |= {"log_file_path": str(data / "logs" / "hsid.log")} | settings
    config = base / "hsid.toml"
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    command = [sys.executable, "-m", *program, "run", "--config", str(config)]
    process = subprocess.Popen(command, cwd=base, env=_environment())
    try:
        yield Daemon(folder, data / "control.sock", process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        finally:
            process.kill()  # nothing is left behind, should it not have ended


def free_port() -> int:
    """Return a port on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """Return an environment in which the modules of this very checkout are found."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def _is_past_detection(count: int, status: Document) -> bool:
    """Tell whether *count* uploads arrived and none of them waits for the detector."""
    queue = next(queue for queue in status["queues"] if queue["name"] == DETECTION_QUEUE)
    waiting = queue["ready"] + queue["leased"] + queue["delayed"]
    return bool((status["uploads"]["arrived"] or 0) >= count and waiting == 0)


def _children(pid: int) -> list[int]:
    task = Path(f"/proc/{pid}/task")
    return [
        int(child) for each in task.iterdir() for child in (each / "children").read_text().split()
    ]


def _rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
