"""Where the demo plays: folders, settings and a daemon of its own.

The daemon is the one of `hsid run`. No setting, variable or file from outside reaches it, and
nothing is written outside of the stage's folder.
"""

import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, chdir, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from hsid.cli import client
from hsid.cli.client import Document
from hsid.cli.demo.story import CAMERAS
from hsid.config import Settings, load_settings
from hsid.intake.cameras import camera_id_of
from hsid.model import Seconds

TIMEOUT: Seconds = 10.0
"""How long the daemon may take to answer a question."""


QUIET_SECONDS = 15
"""After so long without anything seen an incident is over: longer than any gap in the story."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays; everything it writes lies in *folder*."""

    folder: Path

    @property
    def cameras(self) -> Path:
        """The folder that the cameras upload to."""
        return self.folder / "cameras"

    @property
    def control_socket(self) -> Path:
        """Where the daemon can be asked."""
        return self.folder / "data" / client.SOCKET_NAME

    async def ask(self, target: str, **query: int) -> Document:
        """Return the daemon's document for *target*."""
        question = partial(client.get, self.control_socket, target, query, timeout=TIMEOUT)
        return await trio.to_thread.run_sync(question)


def set_up(folder: Path) -> tuple[Stage, Settings]:
    """Make the folders of a stage in *folder*, and the settings of its daemon.

    They are written down as well: `hsid run --config` can go on where a kept demo ended.
    """
    stage = Stage(folder.absolute())
    for camera in CAMERAS:
        (stage.cameras / camera).mkdir(parents=True, exist_ok=True)
    config_file = stage.folder / "hsid.toml"
    config_file.write_text(_config(stage), "utf-8")
    with _nothing_from_outside(stage.folder):
        return stage, load_settings(config_file)


@asynccontextmanager
async def running_daemon(settings: Settings) -> AsyncIterator[None]:
    """Run the daemon while the block runs; stop it cleanly at the end."""
    from hsid.daemon import run_daemon  # noqa: PLC0415 - the whole house, and only needed here

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(run_daemon, settings))
        yield
        nursery.cancel_scope.cancel()


def _config(stage: Stage) -> str:
    """Return the configuration of the daemon on *stage*; JSON's strings are TOML's as well."""
    lines = [
        f"data_dir = {json.dumps(str(stage.folder / 'data'))}",
        f"control_socket_path = {json.dumps(str(stage.control_socket))}",
        f"foscam_base_path = {json.dumps(str(stage.cameras))}",
        f"api_port = {_free_port()}",
        "settle_seconds = 0.5",
        f"batch_idle_timeout_seconds = {QUIET_SECONDS}",
        "batch_late_seconds = 5",
    ]
    for folder, place in CAMERAS.items():
        lines += [
            "",
            "[[cameras]]",
            f"id = {json.dumps(camera_id_of(folder.encode()))}",
            f"name = {json.dumps(folder)}",
            f"place = {json.dumps(place)}",
        ]
    return "\n".join([*lines, ""])


def _free_port() -> int:
    """Return a port on which nobody listens: a daemon at work must not disturb the play."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _nothing_from_outside(folder: Path) -> Iterator[None]:
    """Hide the environment and the working directory, the places where settings are looked for."""
    environment = dict(os.environ)
    with chdir(folder):
        os.environ.clear()
        try:
            yield
        finally:
            os.environ.update(environment)
