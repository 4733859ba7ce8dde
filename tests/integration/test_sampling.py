"""Reading the state of a house: all that can be had, and without it what can't."""

from functools import partial
from pathlib import Path

import pytest
import trio

from hsid.gpu.board import Board
from hsid.gpu.survey import Survey
from hsid.model import GpuReading
from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import QueueUnavailableError
from hsid.sampling import Sampler
from hsid.store.store import Store
from supervision import ChildSpec, LoopMonitor, Supervisor
from supervision.testing import Obedient, running
from tests.unit.store.records import NOON, arrival, receive


@pytest.fixture
async def store(tmp_path, nursery):
    store, opened = Store(tmp_path / "security.db"), trio.Event()
    nursery.start_soon(partial(store.serve, ready=opened.set))
    await opened.wait()
    return store


@pytest.fixture
async def tree():
    async with running(Supervisor("root", [ChildSpec("a", Obedient())])) as root:
        yield root.tree


def build_sampler(store, tree, queues=(), **options):
    return Sampler(store, queues, {}, tree, LoopMonitor().statistics, **options)


class AwayQueue(MemoryQueue):
    """Can't be reached."""

    async def stats(self):
        raise QueueUnavailableError("away")


class SilentQueue(MemoryQueue):
    """Never answers."""

    async def stats(self):
        await trio.sleep_forever()


async def test_the_ledger_is_read_in_one_snapshot(store, tree):
    """Uploads, their ends, the cameras and the size of it all."""
    await store.write(lambda conn: receive(conn, arrival(1), arrival(2)))
    state = await build_sampler(store, tree).sample()

    assert state.ledger.accounting.arrived == 2
    assert state.ledger.accounting.is_balanced
    assert [camera for camera, _ in state.ledger.last_uploads] == ["gate"]
    assert state.ledger.database_bytes > 4096
    assert state.dependencies == (("database", True),)


async def test_a_database_that_is_away_is_down_and_the_rest_is_told(tmp_path, tree):
    """The page is there when it is needed most."""
    state = await build_sampler(Store(tmp_path / "none" / "security.db"), tree).sample()

    assert state.ledger is None
    assert state.dependencies == (("database", False),)
    assert [node.state for node in state.tree.walk()] == ["running", "ready"]


@pytest.mark.parametrize("kind", [AwayQueue, SilentQueue])
async def test_a_queue_that_does_not_answer_is_left_out(tmp_path, tree, kind, autojump_clock):
    """The other is told of, within the deadline."""
    queues = (kind("detection_queue"), MemoryQueue("analysis_queue"))
    sampler = build_sampler(Store(tmp_path / "none" / "security.db"), tree, queues)
    with trio.fail_after(10):
        state = await sampler.sample()

    assert [queue.name for queue in state.queues] == ["analysis_queue"]


async def test_a_queue_that_is_nearly_full_is_a_trouble(store, tree):
    """As in the status, from the share on that the settings name."""
    queue = MemoryQueue("detection_queue")
    state = await build_sampler(store, tree, (queue,), backpressure_threshold=0.0).sample()

    assert state.health.troubles == ("detection_queue is 0% full",)


async def test_a_folder_that_is_away_has_no_disk(store, tree, tmp_path):
    """The other's is told in bytes."""
    places = {"data": tmp_path, "cameras": tmp_path / "not mounted"}
    state = await build_sampler(store, tree, places=places).sample()

    (disk,) = state.disks
    assert disk.place == "data"
    assert 0 < disk.free < disk.size


async def test_what_the_house_leans_on_is_told_of(store, tree):
    """Redis where there is one, and what is wrong in general."""
    sampler = build_sampler(store, tree, outages=lambda: ["lost"], is_redis_up=lambda: False)
    state = await sampler.sample()

    assert state.dependencies == (("database", True), ("redis", False))
    assert state.health.troubles == ("lost",)


async def test_cards_are_told_of_by_their_own_id(store, tree):
    """The number may change with the next start; what a card can't report is missing."""
    board = Board()
    board.note(Survey((GpuReading(NOON, 0, "GPU-7", "A card", 0.5, 1, 2, None, 70.5),)), NOON)
    state = await build_sampler(store, tree, cards=lambda: board.cards).sample()

    (gpu,) = state.gpus
    assert (gpu.id, gpu.name, gpu.is_up) == ("GPU-7", "A card", True)
    assert (gpu.utilization_ratio, gpu.temperature_celsius) == (0.5, None)


async def test_a_mount_that_hangs_holds_one_thread_however_often_it_is_asked(
    store, tree, tmp_path, monkeypatch
):
    """The page comes without it, after the deadline."""
    hangs, asked = trio.lowlevel.current_trio_token(), []

    def hang(path: Path):
        asked.append(path)
        trio.from_thread.run(trio.Event().wait, trio_token=hangs)

    monkeypatch.setattr("hsid.sampling.shutil.disk_usage", hang)
    monkeypatch.setattr("hsid.sampling._DEADLINE", 0.05)
    sampler = build_sampler(store, tree, places={"cameras": tmp_path})
    states = [await sampler.sample() for _ in range(3)]

    assert [state.disks for state in states] == [(), (), ()]
    assert len(asked) == 1
