"""The pulse: a call from the root's own loop, for a watchdog outside of the process."""

import logging
import time

import pytest
import trio

from supervision import ChildSpec, Pulse, SpecError, Supervisor
from supervision.testing import Obedient, running


class SlowStart:
    """Is ready after *seconds*."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def __call__(self, ctx):
        await trio.sleep(self.seconds)
        ctx.ready()
        await ctx.stopping.wait()


class Beats:
    """Notes when it was called."""

    def __init__(self):
        self.times = []

    def __call__(self):
        self.times.append(trio.current_time())


async def test_it_comes_at_once_and_then_at_every_interval(build, autojump_clock):
    """Whoever waits for it need not wait for the first one."""
    beats = Beats()
    began = trio.current_time()
    async with running(build(ChildSpec("a", Obedient()), pulse=Pulse(5, beats))):
        await trio.sleep(12)

    assert [round(at - began, 3) for at in beats.times] == [0, 5, 10]


async def test_it_comes_while_a_child_starts_and_while_one_stops(build, autojump_clock):
    """A slow start and a slow stop are signs of life as well."""
    beats = Beats()
    slow = ChildSpec("slow", SlowStart(30), start_timeout=60)
    root = build(slow, pulse=Pulse(10, beats))
    async with running(root):
        assert len(beats.times) == 4  # at 0, 10, 20 and 30 s


async def test_a_loop_that_stands_still_does_not_beat(build):
    """What is missed is not made up for, so the gap is seen outside."""
    beats = Beats()
    async with running(build(ChildSpec("a", Obedient()), pulse=Pulse(0.01, beats))):
        await trio.sleep(0.05)
        before = len(beats.times)
        time.sleep(0.2)  # noqa: ASYNC251 - holding up the loop is the point
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()

    assert len(beats.times) - before <= 3


async def test_a_supervisor_below_never_beats(build, autojump_clock):
    """The pulse is the root's."""
    beats = Beats()
    below = Supervisor("below", [ChildSpec("a", Obedient())], pulse=Pulse(1, beats))
    async with running(build(below)):
        await trio.sleep(10)

    assert beats.times == []


async def test_what_the_call_raises_is_logged_and_harms_nothing(build, autojump_clock, caplog):
    """The tree goes on, and the next beat comes."""
    calls = []

    def fail():
        calls.append(1)
        raise ValueError("no")

    async with running(build(ChildSpec("a", Obedient()), pulse=Pulse(1, fail))):
        await trio.sleep(2.5)

    assert len(calls) == 3
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


@pytest.mark.parametrize("interval", [0, -1, float("nan")])
def test_an_interval_that_is_none_is_refused(interval):
    """It must be above 0."""
    with pytest.raises(SpecError):
        Pulse(interval, print)
