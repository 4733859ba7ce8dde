"""A whole daemon inside of the test: real tree, real database, a fake service manager."""

import json
import os
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import pytest
import trio

from hsid.config import load_settings
from hsid.daemon import _prepare_database
from hsid.house import House, open_house
from hsid.observe.notify import NotifySocket
from hsid.observe.service_manager import ServiceManager
from hsid.steering import Steering
from hsid.topology import build_tree
from supervision import Supervisor
from tests.unit.config.isolation import house as isolated
from tests.unit.observe.log_rig import kept_log

__all__ = ["isolated"]

PATIENCE = 10


@dataclass
class Rig:
    """The daemon, its configuration file, and what its service manager has heard."""

    base: os.PathLike
    house: House
    steering: Steering
    root: Supervisor
    manager: socket.socket

    def configure(self, **settings):
        """Write the file anew: what it had at first, and *settings*."""
        configure(self.base, **settings)

    def heard(self):
        """Return the datagrams since the last time, without signs of life and mere status."""
        messages = []
        while True:
            try:
                messages.append(self.manager.recv(4096).decode())
            except BlockingIOError:
                return [each for each in messages if not each.startswith(("WATCHDOG", "STATUS"))]

    def node(self, name):
        """Return the picture of one actor."""
        (node,) = [node for node in self.root.tree().walk() if node.id == name]
        return node

    async def until(self, is_reached):
        """Wait until something is so."""
        began = time.monotonic()
        while not is_reached():
            assert time.monotonic() - began < PATIENCE
            await trio.sleep(0.01)


def configure(base, **settings):
    values = {"data_dir": str(base / "data"), "foscam_base_path": str(base / "cameras")} | settings
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
    (base / "hsid.toml").write_text("".join(lines))


@asynccontextmanager
async def running_daemon(base, **settings):
    """Run it below *base*."""
    (base / "cameras").mkdir()
    configure(base, **({"log_level": "WARNING"} | settings))
    read = partial(load_settings, base / "hsid.toml")
    loaded = read()
    await trio.to_thread.run_sync(_prepare_database, loaded, lambda _words: None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(base / "notify"))
        listener.setblocking(False)
        line = NotifySocket(str(base / "notify"))
        manager = ServiceManager(line, watchdog=1)
        async with open_house(loaded) as house, trio.open_nursery() as nursery:
            steering = Steering(house, read, manager)
            root = build_tree(house, steering, manager)
            await nursery.start(root.run)
            yield Rig(base, house, steering, root, listener)
            root.stop()
            await root.wait_stopped()
        line.close()


@pytest.fixture
async def rig(tmp_path):
    with kept_log():  # a reload sets it up anew
        async with running_daemon(tmp_path) as rig:
            yield rig
