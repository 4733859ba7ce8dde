"""Actors on a real store, without a supervisor: a plain lifetime stands in for their context."""

import io
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from PIL import Image

from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.feeding import EmbeddedFeeder
from hsid.intake.inspection import Limits
from hsid.intake.inspector import Inspector
from hsid.model import Upload, UploadState
from hsid.queues.completer import EmbeddedCompleter
from hsid.queues.consumer import Consumer
from hsid.queues.retry import RetryPolicy
from hsid.queues.sqlite import SqliteQueue
from hsid.store import uploads
from hsid.store.store import Store
from supervision._attention import Attention

PAST_DETECTION = set(UploadState) - {UploadState.RECEIVED, UploadState.QUEUED}


class Life(Attention):
    """The lifetime of an actor that nobody asks to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.is_ready = trio.Event()

    def ready(self) -> None:
        self.is_ready.set()


class Bench:
    """A house of its own for one test: store, queues and a folder with one camera."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.root = folder / "cameras"
        (self.root / "front").mkdir(parents=True)
        self.store = store
        self.detection_queue = SqliteQueue(store, DETECTION_QUEUE)
        self.analysis_queue = SqliteQueue(store, ANALYSIS_QUEUE)
        self.completer = EmbeddedCompleter(store, [self.detection_queue, self.analysis_queue])
        self.inspector = Inspector(self.root, Limits(1 << 22, 50_000_000))
        self.feeder = EmbeddedFeeder(
            store,
            detection_queue=self.detection_queue,
            analysis_queue=self.analysis_queue,
            dedupe_ttl=300,
        )

    def consumer(self, queue: SqliteQueue, max_deliveries: int = 3) -> Consumer:
        at_once = RetryPolicy(first=0.01, longest=0.01)
        return Consumer(
            queue, self.completer, max_deliveries=max_deliveries, retry=at_once, prefetch=2
        )

    async def upload(self, name: str, content: bytes) -> int:
        """Put a file into the folder and into the ledger the way the watcher does."""
        path = self.root / "front" / name
        path.write_bytes(content)
        relative = b"front/" + name.encode()
        (look,) = await self.inspector.look([relative])
        arrival = await self.inspector.inspect(relative, look.stamp)
        (upload,) = await self.feeder.receive([arrival])
        return upload.id

    async def wait_for(self, upload_id: int, *states: UploadState) -> Upload:
        """Wait until the upload is in one of *states*; return its row."""
        with trio.fail_after(20):
            while True:
                row = await self.store.read(partial(uploads.get, upload_id=upload_id))
                if row.state in states:
                    return row
                await trio.sleep(0.01)

    async def end_of(self, upload_id: int) -> Upload:
        """Wait until the upload is past detection; return its row."""
        return await self.wait_for(upload_id, *PAST_DETECTION)


@pytest.fixture
async def bench(tmp_path, nursery) -> Bench:
    store, opened = Store(tmp_path / "security.db"), trio.Event()
    nursery.start_soon(partial(store.serve, ready=opened.set))
    await opened.wait()
    return Bench(tmp_path, store)


@pytest.fixture
def run(nursery) -> Callable[[Callable[[Life], Awaitable[None]]], Awaitable[Life]]:
    """Start a part of an actor and wait until it is ready."""

    async def start(part: Callable[[Life], Awaitable[None]]) -> Life:
        life = Life()
        nursery.start_soon(part, life)
        await life.is_ready.wait()
        return life

    return start


@pytest.fixture
def picture() -> Callable[[], bytes]:
    """Return a maker of pictures, each different from all others."""

    def make() -> bytes:
        buffer = io.BytesIO()
        Image.effect_noise((64, 48), 80).convert("RGB").save(buffer, "JPEG")
        return buffer.getvalue()

    return make
