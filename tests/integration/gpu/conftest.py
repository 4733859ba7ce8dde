"""A library in the place of NVIDIA's, built here, and the process that reads through it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from hsid.gpu.process import NvmlProcess

SOURCE = Path(__file__).with_name("nvml_stand_in.c")
LIBRARY = "libnvidia-ml.so.1"


@dataclass(frozen=True)
class Driver:
    """What the stand-in is told; it reads its orders with each call."""

    orders: Path

    def say(self, *lines: str) -> None:
        """Replace the orders at one blow."""
        new = self.orders.with_suffix(".new")
        new.write_text("\n".join(lines))
        new.replace(self.orders)


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    """The folder of the stand-in's library."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.fail("these tests build a small C library: install gcc (Debian: gcc libc6-dev)")
    folder = tmp_path_factory.mktemp("nvml")
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", folder / LIBRARY, SOURCE]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture
def driver(library, tmp_path, monkeypatch) -> Driver:
    """A driver with two cards; processes that start now load its library."""
    before = os.environ.get("LD_LIBRARY_PATH")
    folders = [str(library), *([before] if before else [])]
    monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join(folders))
    monkeypatch.setenv("NVML_STAND_IN", str(tmp_path / "orders"))
    driver = Driver(tmp_path / "orders")
    driver.say("cards 2")
    return driver


@pytest.fixture
def without_driver(tmp_path, monkeypatch) -> None:
    """No library of the name that could be loaded, whatever this machine has."""
    (tmp_path / LIBRARY).write_text("no library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))


@pytest.fixture
async def open_process():
    """Return a function that makes a reading process; all are ended in the end."""
    processes = []

    def build(**options) -> NvmlProcess:
        processes.append(NvmlProcess(**options))
        return processes[-1]

    yield build
    for process in processes:
        await process.end()
