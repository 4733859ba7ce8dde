"""Somebody sets the clock of a running daemon, by an hour or a day, ahead or back.

A small library stands in for the wall clock; the monotonic clock goes on, as it does then.
"""

import json
import shutil
import sqlite3
import struct
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks._instant_detector import instant_detector
from benchmarks._pictures import distinct_jpegs
from tests.system.service_rig import service

HOUR, DAY = 3600, 86_400
STEPS = [HOUR, -HOUR, DAY, -DAY]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The stand-in for the wall clock, compiled."""
    target = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock_stepper.c")
    compiler = shutil.which("gcc")
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", target, source, "-ldl"]
    subprocess.run(command, check=True)
    return target


class Clock:
    """The wall clock of a daemon."""

    def __init__(self, path, library):
        self.path = path
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_STEP": str(path)}
        path.write_bytes(struct.pack("l", 0))

    def step(self, seconds):
        """Set it to *seconds* from the true time."""
        with self.path.open("r+b") as file:
            file.write(struct.pack("l", seconds))


@pytest.fixture
def clock(tmp_path, library):
    return Clock(tmp_path / "step", library)


def unrestarted(daemon):
    """Tell whether no actor was restarted, and each is ready."""
    actors = daemon.status()["actors"]
    return {(actor["state"], actor["restarts"]) for actor in actors} == {("ready", 0)}


def test_an_idle_daemon_takes_no_notice(tmp_path, clock):
    """Signs of life go on in time, and nobody is restarted."""
    with service(tmp_path, watchdog=1, environment=clock.environment) as daemon:
        daemon.until("READY")
        for step in [*STEPS, 0]:
            clock.step(step)
            assert daemon.is_fed(within=1)
            assert daemon.is_fed(within=1)
        assert unrestarted(daemon)


@pytest.mark.parametrize("step", STEPS)
def test_a_batch_that_is_open_neither_fires_nor_freezes(tmp_path, clock, step):
    """It is judged within the time that it has, give or take the one that is allowed for it."""
    (tmp_path / "detector").mkdir()
    with instant_detector(tmp_path / "detector") as (url, _):
        given = {"detector": "rtdetr", "rtdetr_url": url, "batch_idle_timeout_seconds": 3}
        given |= {"batch_late_seconds": 2}
        with service(tmp_path, watchdog=1, environment=clock.environment, **given) as daemon:
            daemon.until("READY")
            upload(tmp_path, 0)
            wait_until(daemon, lambda _: batches_in(tmp_path) == ["open"])
            clock.step(step)
            began = time.monotonic()
            upload(tmp_path, 1)
            wait_until(daemon, lambda uploads: uploads["analysed"] == 2)
            assert time.monotonic() - began < 75
            assert daemon.is_fed(within=1)
            assert unrestarted(daemon)


def batches_in(base):
    """Return the states of all batches."""
    with closing(sqlite3.connect(base / "data" / "security.db")) as connection:
        return [state for (state,) in connection.execute("SELECT state FROM batches")]


def upload(base, number):
    """Put a picture into the folder of a camera."""
    (base / "cameras" / "front").mkdir(exist_ok=True)
    picture = distinct_jpegs(number + 1, width=320, height=240)
    (base / "cameras" / "front" / f"{number}.jpg").write_bytes(list(picture)[number])


def wait_until(daemon, is_reached):
    """Wait until the accounting is such that *is_reached*."""
    deadline = time.monotonic() + 90
    while not is_reached(daemon.status()["uploads"]):
        assert time.monotonic() < deadline, json.dumps(daemon.status()["uploads"])
        time.sleep(0.05)
