"""The GPU monitor on a real store, a real process and a library that does what it is told."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import structlog
import trio

from actors.gpu_monitor import GpuMonitor
from hsid.gpu.board import Board
from hsid.gpu.process import NvmlProcess
from hsid.store import gpu_stats
from hsid.store.store import Store
from supervision._attention import Attention


class Life(Attention):
    """The lifetime of an actor, its supervisor being the test."""

    def ready(self) -> None:
        """Nobody waits for it."""


class CountingProcess(NvmlProcess):
    """Counts the looks that came to their end."""

    looks = 0

    async def look(self):
        outcome = await super().look()
        self.looks += 1
        return outcome


@pytest.fixture
def lines():
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.fixture
async def store(tmp_path, nursery):
    store, opened = Store(tmp_path / "security.db"), trio.Event()
    nursery.start_soon(partial(store.serve, ready=opened.set))
    await opened.wait()
    return store


@pytest.fixture
def monitor(store):
    return GpuMonitor(
        process=CountingProcess(patience=2.0),
        board=Board(),
        store=store,
        poll=0.05,
        keep=timedelta(minutes=60),
    )


@asynccontextmanager
async def at_work(monitor):
    """Run the monitor inside the block; then ask it to stop and wait until it has."""
    life = Life()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(monitor.run, life)
        yield life
        life.ask_to_stop()


async def until(condition):
    with trio.fail_after(20):
        while not condition():
            await trio.sleep(0.01)


def states(monitor):
    return [(card.uuid, card.state.value) for card in monitor.board.cards]


def events(lines, level):
    return [line["event"] for line in lines if line["log_level"] == level]


async def history(store):
    return await store.read(partial(gpu_stats.history, since=datetime(2000, 1, 1, tzinfo=UTC)))


BOTH_OK = [("GPU-0", "ok"), ("GPU-1", "ok")]


async def test_what_was_read_is_in_the_store_when_it_has_stopped(driver, monitor, store):
    """Each look at each card."""
    async with at_work(monitor):
        await until(lambda: states(monitor) == BOTH_OK)
        first = monitor.board.cards[0].reading
        await until(lambda: monitor.board.cards[0].reading.recorded_at > first.recorded_at)

    kept = await history(store)
    assert first in kept
    assert {each.uuid for each in kept} == {"GPU-0", "GPU-1"}
    assert len(kept) >= 4


async def test_readings_that_are_too_old_are_deleted(driver, monitor, store):
    """The monitor keeps its history in its bounds itself."""
    async with at_work(monitor):
        await until(lambda: monitor.board.cards)
    (old, *_) = await history(store)
    long_ago = datetime.now(UTC) - timedelta(minutes=61)
    await store.write(
        partial(gpu_stats.record, readings=[replace(old, recorded_at=long_ago, name="old")])
    )

    async with at_work(monitor):
        await until(lambda: monitor.board.cards)

    assert "old" not in {each.name for each in await history(store)}


@pytest.mark.parametrize("order", ["init 18", "init 9", "init 4", "lost 0", "abort 1", "hang 1"])
async def test_a_fault_at_the_start_is_told_once_and_ends_by_itself(driver, monitor, lines, order):
    """However often it is met; what can't be read is lost meanwhile."""
    driver.say("cards 2", order)
    async with at_work(monitor):
        await until(lambda: monitor.process.looks > 2)
        assert "lost" in dict(states(monitor)).values()
        driver.say("cards 2")
        await until(lambda: states(monitor) == BOTH_OK)

    assert events(lines, "warning") == ["gpu_lost"]
    assert events(lines, "info")[-1] == "gpus_are_well_again"


@pytest.mark.parametrize("order", ["lost 0", "abort 1", "hang 1"])
async def test_a_card_that_is_lost_at_work_is_told_once_and_comes_back(
    driver, monitor, lines, order
):
    """It keeps its name while it is lost."""
    async with at_work(monitor):
        await until(lambda: states(monitor) == BOTH_OK)
        driver.say("cards 2", order)
        await until(lambda: ("GPU-0", "lost") in states(monitor))
        looks = monitor.process.looks
        await until(lambda: monitor.process.looks > looks)
        driver.say("cards 2")
        await until(lambda: states(monitor) == BOTH_OK)

    assert events(lines, "warning") == ["gpu_lost"]
    assert events(lines, "info") == ["gpus_found", "gpus_are_well_again"]


async def test_a_machine_without_the_library_is_told_in_one_line(
    without_driver, monitor, store, lines
):
    """No warning, no card, no row, no process kept."""
    async with at_work(monitor):
        await until(lambda: lines)

    assert len(lines) == 1
    assert events(lines, "info") == ["no_gpu"]
    assert monitor.board.troubles == ()
    assert await history(store) == []


async def test_full_memory_is_a_signal_that_comes_and_goes(driver, monitor, lines):
    """95 percent is critical, 50 is normal; each change is one line."""
    async with at_work(monitor):
        driver.say("cards 1", "used 96")
        await until(lambda: monitor.board.pressure().value == "critical")
        driver.say("cards 1", "used 50")
        await until(lambda: monitor.board.pressure().value == "normal")

    told = [line["pressure"] for line in lines if line["event"] == "gpu_memory_pressure"]
    assert told == ["critical", "normal"]


async def test_a_stop_does_not_wait_for_a_driver_that_hangs(driver, monitor):
    """The call under way is given up at once."""
    driver.say("cards 1", "hang 1")
    patient = replace(monitor, process=NvmlProcess(patience=1000.0))
    with trio.fail_after(10):
        async with at_work(patient):
            await until(lambda: patient.process._worker is not None)

    assert patient.process._worker.has_ended


async def test_a_paused_monitor_looks_at_nothing(driver, monitor):
    """Until it is resumed."""
    async with at_work(monitor) as life:
        life.set_paused(True)
        await until(lambda: life.is_paused)
        await trio.sleep(0.3)
        before = monitor.board.cards
        await trio.sleep(0.3)
        assert monitor.board.cards == before
        life.set_paused(False)
        await until(lambda: monitor.board.cards != before)
