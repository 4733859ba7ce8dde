"""Feeding the queues from the ledger, on a real database: queues within it, and beside it."""

from datetime import UTC, datetime
from functools import partial

import pytest
import trio

from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.feeding import EmbeddedFeeder, OrderedFeeder
from hsid.messages import DetectionJob
from hsid.model import (
    Arrival,
    Box,
    CaptureSource,
    Detection,
    FileVersion,
    RefusalReason,
    UploadState,
)
from hsid.notices import Notice
from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import Entry, QueueOverflowPolicy, QueueUnavailableError
from hsid.queues.sqlite import SqliteQueue
from hsid.store import batches, uploads
from hsid.store.store import Store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


KINDS = {
    "embedded": (lambda store: partial(SqliteQueue, store), EmbeddedFeeder),
    "beside": (lambda _: MemoryQueue, OrderedFeeder),
}
PREMISES = [("embedded", "sqlite"), ("beside", "sqlite"), ("beside", "postgresql")]


class House:
    """A store with its two queues and their feeder."""

    def __init__(
        self, kind: str, store: Store, *, capacity=100, overflow=QueueOverflowPolicy.REJECT
    ) -> None:
        self.store = store
        build_queue, build_feeder = KINDS[kind]
        build = partial(build_queue(store), capacity=capacity, overflow=overflow)
        self.detection_queue = build(DETECTION_QUEUE)
        self.analysis_queue = build(ANALYSIS_QUEUE)
        self.feeder = build_feeder(
            store,
            detection_queue=self.detection_queue,
            analysis_queue=self.analysis_queue,
            dedupe_ttl=300,
        )

    async def queued(self) -> list[int]:
        """Return the uploads that the queue has, in its order."""
        entries = await self.detection_queue.peek()
        return [DetectionJob.from_payload(entry.payload).upload_id for entry in entries]

    async def states(self) -> list[str]:
        """Return the state of every upload in order of arrival."""
        rows = await self.store.read(partial(uploads.recent, limit=100))
        return [row.state for row in reversed(rows)]


@pytest.fixture(params=PREMISES, ids=" on ".join)
def premises(request):
    """Give the kind of the queues, and that of the database."""
    return request.param


@pytest.fixture
async def store(premises, tmp_path, nursery, request):
    on_server = premises[1] == "postgresql"
    url = request.getfixturevalue("new_postgres_url")() if on_server else tmp_path / "security.db"
    store, opened = Store(url), trio.Event()
    nursery.start_soon(partial(store.serve, ready=opened.set))
    await opened.wait()
    return store


@pytest.fixture
def build_house(premises, store):
    return partial(House, premises[0], store)


def build_arrivals(*names: str, refusal: RefusalReason | None = None) -> list[Arrival]:
    return [
        Arrival(
            version=FileVersion(f"cam/{name}.jpg", inode=number, size=9, mtime_ns=1),
            camera_id="cam",
            received_at=NOON,
            captured_at=NOON,
            capture_source=CaptureSource.MTIME,
            sha256=name,
            refusal=refusal,
        )
        for number, name in enumerate(names)
    ]


async def test_an_arrival_is_in_the_queue_when_it_is_in_the_ledger(build_house) -> None:
    """Row and entry are one step."""
    house = build_house()

    (upload,) = await house.feeder.receive(build_arrivals("a"))

    assert await house.queued() == [upload.id]
    assert await house.states() == [UploadState.QUEUED]


async def test_a_refused_or_repeated_arrival_is_not_queued(build_house) -> None:
    """Only what is worth a look takes up room."""
    house = build_house()

    await house.feeder.receive(build_arrivals("empty", refusal=RefusalReason.EMPTY_FILE))
    (first, again) = await house.feeder.receive(
        [*build_arrivals("same"), *build_arrivals("other", "same")[1:]]
    )

    assert (first.state, again.state) == (UploadState.RECEIVED, UploadState.DUPLICATE)
    assert await house.queued() == [first.id]


async def test_what_finds_no_room_waits_and_is_fed_in_order(build_house) -> None:
    """A full queue leaves uploads received; nobody overtakes them when there is room again."""
    house = build_house(capacity=2)
    await house.feeder.receive(build_arrivals("a", "b", "c"))
    assert await house.states() == ["queued", "queued", "received"]

    leases = await house.detection_queue.lease(1, duration=60)
    await house.detection_queue.ack(leases)
    await house.feeder.receive(build_arrivals("x", "x", "x", "d")[3:])

    assert await house.states() == ["queued", "queued", "queued", "received"]
    assert await house.queued() == [2, 3]
    assert await house.feeder.feed()


async def test_an_evicted_upload_ends_as_dead(build_house) -> None:
    """With drop_oldest no end is silent."""
    house = build_house(capacity=1, overflow=QueueOverflowPolicy.DROP_OLDEST)

    await house.feeder.receive(build_arrivals("a"))
    await house.feeder.receive(build_arrivals("x", "b")[1:])

    assert await house.states() == [UploadState.DEAD, UploadState.QUEUED]
    assert (await house.store.read(partial(uploads.get, upload_id=1))).reason == "overflow"


async def test_restoring_puts_back_what_was_lost_and_doubles_nothing(build_house) -> None:
    """The ledger says queued: whether the queue has the entry or lost it, it has it afterwards."""
    house = build_house()
    await house.feeder.receive(build_arrivals("a", "b"))
    await house.detection_queue.ack(await house.detection_queue.lease(1, duration=60))

    waits = await house.feeder.restore()

    assert not waits
    assert sorted(await house.queued()) == [1, 2]


async def seen(house, name: str) -> int:
    """Have an upload that is the only one of a closed batch of its name."""
    (upload,) = await house.feeder.receive(build_arrivals(name))
    found = [Detection("person", 0.9, Box(0, 0, 5, 5))]
    opened = batches.StartBatch(name, (upload.id,), NOON, NOON)

    def store(conn):
        uploads.record_detections(conn, upload.id, found, width=10, height=10, detector="test")
        batches.apply(conn, "cam", [opened, batches.CloseBatch(name, 1)])

    await house.store.write(store)
    return upload.id


async def test_a_closed_batch_that_waits_for_a_verdict_is_put(build_house) -> None:
    """Whatever came between its closing and the queue, the next round finds it."""
    house = build_house()
    await seen(house, "b1")

    assert not await house.feeder.feed()

    assert list(await house.analysis_queue.peek()) == [
        Entry("batch:b1:1", {"batch_id": "b1", "revision": 1})
    ]


async def test_a_batch_that_finds_no_room_waits(build_house) -> None:
    """It is told so, and put when there is room."""
    house = build_house(capacity=1)
    await seen(house, "b1")
    await house.feeder.feed()
    await seen(house, "b2")

    assert await house.feeder.feed()

    await house.analysis_queue.ack(await house.analysis_queue.lease(1, duration=60))
    await house.store.write(lambda conn: uploads.mark_analysed(conn, [1]))
    assert not await house.feeder.feed()
    assert [entry.id for entry in await house.analysis_queue.peek()] == ["batch:b2:1"]


async def test_a_batch_that_was_given_up_does_not_come_back(build_house) -> None:
    """Its uploads have their end; nothing waits for a verdict any more."""
    house = build_house()
    upload_id = await seen(house, "b1")
    await house.store.write(lambda conn: uploads.bury(conn, upload_id, "nobody could judge it"))

    await house.feeder.feed()

    assert await house.analysis_queue.peek() == []


async def test_the_uploads_of_an_evicted_batch_end_as_dead(build_house) -> None:
    """With drop_oldest no end is silent, in the second queue as in the first."""
    house = build_house(capacity=1, overflow=QueueOverflowPolicy.DROP_OLDEST)
    upload_id = await seen(house, "b1")
    await house.feeder.feed()
    await seen(house, "b2")

    await house.feeder.feed()

    row = await house.store.read(partial(uploads.get, upload_id=upload_id))
    assert (row.state, row.reason) == (UploadState.DEAD, "overflow")


class Interruptible(MemoryQueue):
    """A queue whose server is away while *is_away*."""

    is_away = False

    async def put(self, entries):
        if self.is_away:
            raise QueueUnavailableError("the server is away")
        return await super().put(entries)


async def test_intake_goes_on_while_the_queue_is_away(store) -> None:
    """The ledger takes everything in; when the queue is back it is fed, in order."""
    queue, notice = Interruptible(DETECTION_QUEUE), Notice()
    feeder = OrderedFeeder(
        store,
        detection_queue=queue,
        analysis_queue=MemoryQueue(ANALYSIS_QUEUE),
        dedupe_ttl=300,
        on_postponed=notice.give,
    )
    queue.is_away = True
    stored = await feeder.receive(build_arrivals("a", "b"))
    await notice.wait()
    with pytest.raises(QueueUnavailableError):
        await feeder.feed()
    queue.is_away = False

    assert not await feeder.feed()
    assert [entry.id for entry in await queue.peek()] == [
        DetectionJob(upload.id).id for upload in stored
    ]
