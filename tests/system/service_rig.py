"""The daemon as a service manager runs it: a socket to hear it on, and its environment."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hsid.cli import client

PATIENCE = 60
DAEMON = (sys.executable, "-m", "hsid.cli.hsid")
_NUMBER = re.compile(r"(?<=MONOTONIC_USEC=)\d+")


@dataclass
class Service:
    """A daemon that runs, and what was heard of it."""

    base: Path
    process: subprocess.Popen
    line: socket.socket
    heard: list = field(default_factory=list)

    @property
    def socket_path(self):
        return self.base / "data" / "control.sock"

    @property
    def stderr(self):
        return (self.base / "stderr").read_text()

    def next(self, within=PATIENCE):
        """Return the next message, None if there is none within so many seconds."""
        self.line.settimeout(within)
        try:
            message = self.line.recv(4096).decode()
        except TimeoutError:
            return None
        self.heard.append(message)
        return message

    def until(self, *beginnings, within=PATIENCE):
        """Return the messages up to the one that begins so; signs of life are left out."""
        deadline, found = time.monotonic() + within, []
        while (left := deadline - time.monotonic()) > 0:
            message = self.next(left)
            if message is not None and message != "WATCHDOG=1":
                found.append(_NUMBER.sub("...", message))
                if message.startswith(beginnings):
                    return found
        raise TimeoutError(f"{beginnings} not heard within {within} s, but {self.heard}")

    def is_fed(self, within):
        """Tell whether a sign of life comes within so many seconds; older ones don't count."""
        self.forget()
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            if self.next(left) == "WATCHDOG=1":
                return True
        return False

    def forget(self):
        """Leave unheard what has come by now."""
        while self.next(0.001) is not None:
            pass

    def status(self):
        return client.get(self.socket_path, "/v1/status", timeout=PATIENCE)

    def configure(self, text):
        """Append *text* to the configuration."""
        with (self.base / "hsid.toml").open("a") as file:
            file.write(text)

    def end(self):
        """Send SIGTERM; return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def configure(base, **settings):
    """Write a configuration below *base*."""
    (base / "cameras").mkdir(parents=True, exist_ok=True)
    values = {
        "foscam_base_path": str(base / "cameras"),
        "data_dir": str(base / "data"),
        "log_level": "WARNING",
        "batch_idle_timeout_seconds": 1,
    } | settings
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
    (base / "hsid.toml").write_text("".join(lines))


@contextmanager
def service(base, *, watchdog=None, program=DAEMON, environment=None, pass_fds=(), **settings):
    """Run the daemon below *base*; it is ended at the end, whatever has become of it."""
    configure(base, **settings)
    address = base / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(address))
        root = Path(__file__).parents[2]
        variables = os.environ | {"NOTIFY_SOCKET": str(address), "PYTHONPATH": str(root)}
        if watchdog is not None:
            variables["WATCHDOG_USEC"] = str(round(watchdog * 1_000_000))
        with (base / "stderr").open("w") as stderr:
            process = subprocess.Popen(
                [*program, "run", "--config", str(base / "hsid.toml")],
                cwd=base,
                env=variables | (environment or {}),
                stderr=stderr,
                pass_fds=pass_fds,
            )
        try:
            yield Service(base, process, line)
        finally:
            process.kill()
            process.wait()
