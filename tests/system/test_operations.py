"""docs/operations.md is true: its transcript, executed against a real daemon."""

import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks._daemon import Daemon, running
from benchmarks._instant_detector import REPLY
from benchmarks._pictures import distinct_jpegs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"
PATIENCE_S = 60.0
LOOKS = re.compile(
    r"hsictl (status|tree|events|changes|log-level$|actor show|dlq list)|curl .*v1/q"
)
"""Commands that may be asked again until what they tell has come about."""


class FailsFirst(BaseHTTPRequestHandler):
    """A detector service whose first answer makes no sense."""

    asked = 0

    def do_GET(self):
        self.say(b'{"status": "healthy", "model_loaded": true}')

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        FailsFirst.asked += 1
        self.say(b'{"detections": "many"}' if FailsFirst.asked == 1 else REPLY)

    def say(self, reply):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def failing_detector() -> Iterator[str]:
    FailsFirst.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), FailsFirst) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Run a daemon with one upload, whose detection has failed for good."""
    with failing_detector() as url:
        settings = {"detector": "rtdetr", "rtdetr_url": url, "max_deliveries": 1}
        with running(tmp_path, **settings, batch_idle_timeout_seconds=1) as daemon:
            (daemon.folder / "front").mkdir()
            (picture,) = distinct_jpegs(1, width=1920, height=1080)
            (daemon.folder / "front" / "a.jpg").write_bytes(picture)
            daemon.wait_until(lambda status: status["uploads"]["dead"] == 1)
            yield daemon


def steps() -> list[tuple[str, list[str]]]:
    """Return each command of the page with the lines that it is to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def pattern(lines: list[str]) -> re.Pattern[str]:
    """Return what output is to match: a line of dots is any lines, dots in one are anything."""
    parts = []
    for line in lines:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            words = (re.escape(word).replace(r"\ ", " +") for word in line.split("..."))
            parts.append(r"[^\n]*?".join(words) + r"[ ]*\n")
    return re.compile("".join(parts))


def run(command: str, base: Path) -> str:
    """Run *command* as an operator would, in the folder of the daemon."""
    tools = base / "bin"
    tools.mkdir(exist_ok=True)
    tool = tools / "hsictl"
    tool.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hsid.cli.hsictl "$@"\n')
    tool.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    environment = {name: value for name, value in environment.items() if "HSID" not in name}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=base,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.stdout if not done.stdout or done.stdout.endswith("\n") else f"{done.stdout}\n"


def test_the_transcript_of_the_operations_page_is_true(daemon: Daemon, tmp_path: Path) -> None:
    """Every command prints what the page says, in its order, against one daemon."""
    for command, lines in steps():
        wanted, deadline = pattern(lines), time.monotonic() + PATIENCE_S
        printed = run(command, tmp_path)
        while not wanted.fullmatch(printed):
            if not LOOKS.search(command) or time.monotonic() > deadline:
                pytest.fail(f"$ {command}\n{printed}\ndoes not look like\n" + "\n".join(lines))
            time.sleep(0.2)
            printed = run(command, tmp_path)

    assert daemon.process.wait(timeout=PATIENCE_S) == 0


def test_the_page_shows_what_it_is_for() -> None:
    """None of the things that an operator does is left out."""
    shown = "\n".join(command for command, _ in steps())

    for words in ("status", "tree", "pause", "resume", "restart", "dlq requeue", "log-level"):
        assert f"hsictl {words}" in shown or f"hsictl actor {words}" in shown
    assert "hsictl reload" in shown
    assert "hsictl doctor" in shown
