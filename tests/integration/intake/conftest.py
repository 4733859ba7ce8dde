"""Real folders and real pictures, and intake run the way the watcher runs it."""

import io
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trio
from PIL import Image

from hsid.intake.hints import FileClosed, FileMovedIn, FileSeen, Rescan, Stamp
from hsid.intake.inspection import Changed, Limits
from hsid.intake.inspector import Inspector
from hsid.intake.scan import Scan
from hsid.intake.settling import Settling, Verdict
from hsid.intake.source import Source, open_source
from hsid.model import Arrival

LIMITS = Limits(max_file_bytes=1_000_000, max_pixels=1_000_000)
SETTLE = 0.2
Arrivals = trio.MemoryReceiveChannel[Arrival]
RunIntake = Callable[[Path], AbstractAsyncContextManager[Arrivals]]


@pytest.fixture
def root() -> Iterator[Path]:
    """Return an empty folder that any user may enter, unlike those under `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="hsid-root-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """Return a whole JPEG."""
    buffer = io.BytesIO()
    Image.effect_noise((160, 120), 80).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def png() -> bytes:
    """Return a whole PNG."""
    buffer = io.BytesIO()
    Image.effect_noise((16, 12), 80).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def inspector(root: Path) -> Inspector:
    """Return an inspector of *root* with limits that small pictures keep."""
    return Inspector(root, LIMITS)


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Give up root's right to read everything, for as long as the test runs."""
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(65534)
    yield
    if privileged:
        os.seteuid(0)


def place(path: Path, content: bytes) -> Stamp:
    """Write *content* to *path*, making its folders, and return its stamp."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Stamp.of(path.lstat())


def place_named(root: Path, name: bytes, content: bytes) -> Stamp:
    """Write *content* to the file *name*, any bytes, in *root*."""
    return place(Path(os.fsdecode(os.fsencode(root) + b"/" + name)), content)


@pytest.fixture(name="place_named")
def _place_named() -> Callable[[Path, bytes, bytes], Stamp]:
    return place_named


@pytest.fixture(name="place")
def _place() -> Callable[[Path, bytes], Stamp]:
    return place


class Intake:
    """The watcher's loop, without supervision and ledger."""

    def __init__(self, root: Path, arrivals: trio.MemorySendChannel[Arrival]) -> None:
        self.root = root
        self.settling = Settling(SETTLE)
        self.inspector = Inspector(root, LIMITS)
        self.arrivals = arrivals
        self.known: set[tuple[str, int, int, int]] = set()

    async def run(self, source: Source) -> None:
        """Scan once, then follow hints and deadlines for ever."""
        async with trio.open_nursery() as nursery:
            work, jobs = trio.open_memory_channel[tuple[bytes, Stamp]](0)
            for _ in range(4):
                nursery.start_soon(self.inspect, jobs)
            await self.scan()
            while True:
                await self.look(work)
                with trio.move_on_at(self.settling.next_look()):
                    await self.take_hints(source)
                if self.settling.take_overlooked():
                    await self.scan()

    async def scan(self) -> None:
        """Hand everything unknown to settling."""
        async for chunk in Scan(self.root, self.known):
            for hint in chunk:
                self.settling.seen(hint.path, hint.stamp, trio.current_time())

    async def take_hints(self, source: Source) -> None:
        """Hand the next hints to settling."""
        for hint in await source.next_hints():
            now = trio.current_time()
            match hint:
                case FileClosed(path) | FileMovedIn(path):
                    self.settling.finished(path, now)
                case FileSeen(path, stamp):
                    self.settling.seen(path, stamp, now)
                case Rescan():
                    await self.scan()

    async def look(self, work: trio.MemorySendChannel[tuple[bytes, Stamp]]) -> None:
        """Look at what is due and pass on what is complete."""
        while due := self.settling.due(trio.current_time()):
            for path, look in zip(due, await self.inspector.look(due), strict=True):
                verdict = self.settling.observe(path, look, trio.current_time())
                if verdict is Verdict.COMPLETE:
                    await work.send((path, look.stamp))

    async def inspect(self, jobs: trio.MemoryReceiveChannel[tuple[bytes, Stamp]]) -> None:
        """Turn complete files into arrivals."""
        async for path, stamp in jobs:
            match await self.inspector.inspect(path, stamp):
                case Changed():
                    self.settling.take_back(path, stamp, trio.current_time())
                case arrival:
                    version = arrival.version
                    self.known.add((version.path, stamp.inode, stamp.size, stamp.mtime_ns))
                    await self.arrivals.send(arrival)


@pytest.fixture
def run_intake() -> RunIntake:
    """Return a context that runs intake on a root and gives its arrivals."""

    @asynccontextmanager
    async def running(root: Path) -> AsyncIterator[Arrivals]:
        """Run intake in the background of the block."""
        send, receive = trio.open_memory_channel[Arrival](1000)
        async with open_source(root) as source, trio.open_nursery() as nursery:
            nursery.start_soon(Intake(root, send).run, source)
            with trio.fail_after(20):
                yield receive
            nursery.cancel_scope.cancel()

    return running
