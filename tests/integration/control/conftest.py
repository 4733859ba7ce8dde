"""A small house behind the real API on a real socket: a real tree, a real store, real queues."""

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from actors.doors import HouseControls, HouseSource
from hsid.api.app import create_app
from hsid.api.server import serve
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.controls import DrainReport, ReloadRefusedError, ReloadReport
from hsid.live import LiveFeed
from hsid.queues.sqlite import SqliteQueue
from hsid.store import audit
from hsid.store.store import Store
from supervision import Backoff, ChildSpec, OnExhausted, Supervisor
from supervision.testing import CrashesAfter, Obedient, Script
from tests.integration.api.conftest import client_of

PARKS = {"backoff": Backoff.none(), "on_exhausted": OnExhausted.PARK, "cooldown": 100}


class Daemon:
    """Notes what it is told to do; *fault* makes a reload fail."""

    def __init__(self):
        self.done = []
        self.fault = None

    async def reload(self):
        if self.fault:
            raise ReloadRefusedError(self.fault)
        return ReloadReport(("settle_seconds",), ("api_port",))

    async def drain(self, within=None):
        self.done.append(("drain", within))
        return DrainReport(0 if within is None else 2)

    async def resume(self):
        self.done.append("resume")

    def stop(self, *, urgent=False):
        self.done.append(("stop", urgent))


class House:
    """What the doors lean on, with a tree of a needed part and some that may be steered."""

    def __init__(self, store, path):
        self.store, self.path = store, path
        self.daemon = Daemon()
        self.queues = (SqliteQueue(store, DETECTION_QUEUE), SqliteQueue(store, ANALYSIS_QUEUE))
        platform = Supervisor("platform", [ChildSpec("store-writer", Obedient())])
        pipeline = Supervisor(
            "pipeline",
            [
                ChildSpec("detector-1", Obedient(), **PARKS),
                ChildSpec("detector-2", Obedient(), **PARKS),
                ChildSpec("watcher", Script(CrashesAfter(0), CrashesAfter(0), Obedient()), **PARKS),
            ],
            intensity=1,
        )
        self.root = Supervisor("root", [platform, pipeline])
        self.source = HouseSource(
            store, self.queues, {}, LiveFeed(), self.root.tree, trio.current_time()
        )
        self.controls = HouseControls(
            store,
            self.queues,
            lambda: self.root,
            self.daemon,
            lambda: {"pipeline/detector-1": 7},
        )

    def state_of(self, name):
        return next(node for node in self.root.tree().walk() if node.id == name)

    async def changes(self):
        """Return the record, the oldest first."""
        rows = await self.store.read(partial(audit.latest, limit=100))
        return list(reversed(rows))

    @asynccontextmanager
    async def served(self):
        """Serve on the path of the house; yields a client."""
        app = create_app(self.source, self.controls.open())
        stopping, accepting = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(serve, app, self.path, ready=accepting.set, stopping=stopping)
            )
            await accepting.wait()
            async with client_of(self.path) as client:
                yield client
            stopping.set()


@pytest.fixture
async def house(tmp_path, nursery):
    store, opened = Store(tmp_path / "security.db"), trio.Event()
    nursery.start_soon(partial(store.serve, ready=opened.set))
    await opened.wait()
    house = House(store, tmp_path / "control.sock")
    await nursery.start(house.root.run)
    with trio.fail_after(60):
        while house.state_of("watcher").state != "parked":
            await trio.sleep(0.01)
        yield house
    house.root.stop()
    await house.root.wait_stopped()
