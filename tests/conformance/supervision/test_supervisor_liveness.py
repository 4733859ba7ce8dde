"""Liveness: heartbeats, and time that the loop, not the child, has lost (cases 60-61)."""

import pytest
import trio

from supervision import (
    ChildExited,
    ChildReady,
    ChildSpec,
    ChildStalled,
    LoopStalled,
    Stalled,
)
from supervision.testing import BeatsFor, NeverReady, Obedient, Script, running


async def test_missed_heartbeat_restarts_as_stalled(autojump_clock, build, recorder, quick):
    """A ready child that stops beating is cancelled and restarted as an abnormal exit."""
    child = quick("a", Script(BeatsFor(1, seconds=3.5), BeatsFor(1)), heartbeat_timeout=2)
    async with running(build(child)) as root:
        await trio.sleep(10)
        assert root.tree().children[0].state == "ready"

    assert [(each.at, each.silent_for) for each in recorder.of(ChildStalled)] == [(5.0, 2.0)]
    assert recorder.of(ChildExited)[0].outcome == Stalled(2.0)
    assert recorder.of(ChildExited)[0].ran_for == 3.0


async def test_beating_child_is_left_alone(autojump_clock, build, recorder):
    """One that beats in time never stalls, however long it runs."""
    async with running(build(ChildSpec("a", BeatsFor(1), heartbeat_timeout=1.5))):
        await trio.sleep(1000)

    assert recorder.of(ChildStalled) == []


async def test_heartbeat_is_not_expected_before_ready(autojump_clock, build, recorder):
    """Until it is ready a child has its start timeout, and no heartbeat."""
    slow = ChildSpec("a", Obedient(start_for=20), heartbeat_timeout=30)
    async with running(build(slow)):
        await trio.sleep(5)

    assert recorder.of(ChildStalled) == []
    assert recorder.of(ChildReady)[0].after == 20


async def test_waiting_on_an_empty_mailbox_beats_too(autojump_clock, build, recorder):
    """A consumer that receives with a deadline below its timeout is alive while idle."""
    send, receive = trio.open_memory_channel(0)

    async def consumer(ctx):
        ctx.ready()
        while True:
            ctx.beat()
            with trio.move_on_after(1):
                await receive.receive()

    with send, receive:
        async with running(build(ChildSpec("a", consumer, heartbeat_timeout=2))):
            await trio.sleep(60)

    assert recorder.of(ChildStalled) == []


async def test_loop_stall_is_reported_and_heartbeats_are_forgiven(autojump_clock, build, recorder):
    """When the loop itself stood still, nobody is punished: each child gets a fresh period."""
    children = [ChildSpec(name, BeatsFor(1), heartbeat_timeout=2) for name in "ab"]
    async with running(build(*children)):
        await trio.sleep(3.5)
        autojump_clock.jump(60)
        await trio.sleep(10)

    assert len(recorder.of(LoopStalled)) <= 1
    assert recorder.of(ChildStalled) == []


async def test_loop_stall_leaves_a_starting_child_its_chance(autojump_clock, build, recorder):
    """A start timeout that passed while nobody could run does not count against the child."""
    child = ChildSpec("a", Obedient(start_for=29))
    root = build(child)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(root.run)
        await trio.sleep(1)
        autojump_clock.jump(60)
        await trio.sleep(5)
        root.stop()

    assert [each.child for each in recorder.of(ChildReady)] == ["a"]


async def test_child_without_a_heartbeat_is_never_asked_for_one(autojump_clock, build, recorder):
    """Who has no timeout may be silent for ever."""
    async with running(build(ChildSpec("a", Obedient()))):
        await trio.sleep(80_000)

    assert recorder.of(ChildStalled) == []


@pytest.mark.parametrize("limit", [5.0, 50.0])
async def test_start_timeout_is_the_specs_own(autojump_clock, build, recorder, limit):
    """A lenient child that hangs in its start is cancelled after exactly its own time."""
    child = ChildSpec(
        "a", Script(NeverReady(), Obedient()), start_timeout=limit, lenient_start=True
    )
    async with running(build(child)):
        await trio.sleep(60)

    assert recorder.of(ChildExited)[0].at == limit
