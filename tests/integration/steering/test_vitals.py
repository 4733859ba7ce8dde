"""What is seen of the running daemon at each pulse, and what counts as dead."""

import threading
from contextlib import contextmanager
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from hsid.vitals import Vitals, status_line
from tests.integration.steering.conftest import running_daemon

PATIENCE = 3
"""More than a pump takes for one round, less than anybody wants to wait for a test."""


@pytest.fixture
def vitals(rig):
    return Vitals(rig.house, interval=0.5, patience=PATIENCE)


@contextmanager
def wedged(rig, nursery):
    """Have the writing thread stuck in one call during the block."""
    release = threading.Event()
    nursery.start_soon(rig.house.store.write, lambda _connection: release.wait())
    try:
        yield
    finally:
        release.set()


async def test_a_daemon_without_work_is_alive(rig, vitals):
    """Its pumps go round although there is nothing to fetch."""
    for _ in range(10):
        assert vitals.signs(rig.root.tree()).stuck == ()
        await trio.sleep(0.5)


async def test_a_writing_thread_that_is_wedged_is_found(rig):
    """The loop is well, and still nothing is stored: that is no life."""
    vitals, found = Vitals(rig.house, interval=0.1, patience=0.3), ()
    async with trio.open_nursery() as nursery:
        with wedged(rig, nursery), trio.move_on_after(10):
            while "store-writer" not in found:
                await trio.sleep(0.1)
                found = vitals.signs(rig.root.tree()).stuck
    assert "store-writer" in found

    await trio.sleep(0.1)
    assert "store-writer" not in vitals.signs(rig.root.tree()).stuck


async def test_the_watchdog_starves_while_a_part_is_stuck_and_no_longer(
    tmp_path, monkeypatch, caplog
):
    """The whole way: a wedged thread, the root's pulse, silence on the line."""
    monkeypatch.setattr("hsid.topology.Vitals", partial(Vitals, patience=PATIENCE))
    async with running_daemon(tmp_path) as rig, trio.open_nursery() as nursery:
        with wedged(rig, nursery):
            while await fed_within(rig, 1.5):
                pass
        assert await fed_within(rig, 1)
    assert "parts_are_stuck" in caplog.text


async def fed_within(rig, seconds):
    """Tell whether a sign of life comes."""
    rig.heard()
    with trio.move_on_after(seconds):
        while True:
            await trio.lowlevel.wait_readable(rig.manager)
            if rig.manager.recv(4096) == b"WATCHDOG=1":
                return True
    return False


async def test_progress_is_seen_when_something_is_stored(rig, vitals):
    """A commit is work done."""
    before = vitals.signs(rig.root.tree()).progress
    await rig.house.store.write(lambda _connection: None)

    assert vitals.signs(rig.root.tree()).progress != before


async def test_the_status_says_how_many_actors_there_are_and_what_is_wrong(rig):
    """One line, the first trouble in words, the others counted."""
    line = status_line(rig.root.tree())

    assert line.startswith("running; ")
    assert line.endswith(" actors, all well")
    assert status_line(rig.root.tree(), ["Redis is away", "so is the disk"]).endswith(
        "degraded: Redis is away and 1 more"
    )


@pytest.mark.parametrize("pause", [3600, 86_400])
def test_a_suspended_daemon_goes_on_as_if_nothing_had_been(tmp_path, pause):
    """Nobody is restarted and nothing counts as stuck, although every deadline has passed.

    Pauses about as long as the heartbeats themselves: `test_supervisor_suspension`.
    """
    clock = MockClock(rate=1)

    async def suspend():
        async with running_daemon(tmp_path) as rig:
            vitals = Vitals(rig.house, interval=0.25)
            vitals.signs(rig.root.tree())
            clock.jump(pause)
            for _ in range(20):
                assert vitals.signs(rig.root.tree()).stuck == ()
                await trio.sleep(0.1)
            nodes = list(rig.root.tree().walk())
            assert {node.incarnation for node in nodes} == {1}
            assert {node.state for node in nodes} == {"running", "ready"}

    trio.run(suspend, clock=clock)
