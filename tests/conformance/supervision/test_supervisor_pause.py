"""Pausing a worker: by the operator, for as long as the operator wants."""

import pytest
import trio

from supervision import (
    Backoff,
    ChildNotFound,
    ChildPaused,
    ChildResumed,
    ChildSpec,
    NotPausable,
    OnExhausted,
    Supervisor,
)
from supervision.testing import Obedient, running


def counting(ticks):
    """Return a child that notes each second in which it may work; the first dies after 10."""

    async def child(ctx):
        ctx.ready()
        while not ctx.stopping.is_set():
            if not ctx.is_paused:
                ticks.append(trio.current_time())
            await trio.sleep(1)
            if ctx.incarnation == 1 and trio.current_time() == 10:
                raise OSError

    return ChildSpec("a", child, backoff=Backoff.none(), on_exhausted=OnExhausted.NEVER)


async def test_pause_outlasts_a_restart_and_ends_with_resume(autojump_clock, build, recorder):
    """A paused worker's successor is paused, too, until somebody resumes it."""
    ticks = []
    async with running(build(counting(ticks))) as root:
        await trio.sleep(4.5)
        await root.pause_child("a")
        await trio.sleep(10)
        assert (root.tree().children[0].is_paused, root.tree().children[0].incarnation) == (True, 2)
        await root.resume_child("a")
        await trio.sleep(3)

    assert ticks == [0, 1, 2, 3, 4, 15, 16, 17]
    assert recorder.trace(ChildPaused, ChildResumed) == ["child_paused a#1", "child_resumed a#2"]


async def test_child_paused_while_it_is_down_starts_paused(autojump_clock, build):
    """The wish is the child's, not that of one incarnation."""
    async with running(build(ChildSpec("a", Obedient()))) as root:
        await root.terminate_child("a")
        await root.pause_child("a")
        await root.restart_child("a")
        assert root.tree().children[0].is_paused


async def test_pausing_twice_is_told_once(autojump_clock, build, recorder):
    """What is as it should be stays as it is."""
    async with running(build(ChildSpec("a", Obedient()))) as root:
        await root.pause_child("a")
        await root.pause_child("a")

    assert len(recorder.of(ChildPaused)) == 1


async def test_supervisor_cannot_be_paused(autojump_clock, build):
    """It does no work of its own; and who is not there can't be paused either."""
    async with running(build(Supervisor("below"))) as root:
        with pytest.raises(NotPausable, match="pause its children"):
            await root.pause_child("below")
        with pytest.raises(ChildNotFound):
            await root.resume_child("nobody")
