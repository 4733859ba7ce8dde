"""Signals: how a process is told to end, delivered for real (case 53)."""

import signal
from functools import partial

import pytest
import trio

from supervision import (
    ChildExited,
    ChildSpec,
    ChildStartFailed,
    ChildStarting,
    catch_stop_signals,
    run_until_signalled,
)
from supervision.testing import CleansUpFor, FailsToStart, Obedient


async def send(*times, number=signal.SIGTERM):
    """Send the signal to this process at each of *times*."""
    for at in times:
        await trio.sleep_until(at)
        signal.raise_signal(number)


async def test_second_signal_skips_grace_third_exits(autojump_clock, build, recorder):
    """The first stops in order, the second hurries, and the third ends the process at once."""
    exits = []
    root = build(
        ChildSpec("a", CleansUpFor(0.05)),
        ChildSpec("b", CleansUpFor(8), grace=100),
        exit_function=lambda status: exits.append((status, trio.current_time())),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_until_signalled, root)
        await send(1, 5, 5.05)

    ended = [(each.child, round(each.at, 2)) for each in recorder.of(ChildExited)]
    assert ended == [("b", 5.1), ("a", 5.15)]
    assert exits == [(128 + signal.SIGTERM, 5.05)]


async def test_one_signal_stops_in_order_and_is_told(autojump_clock, build, recorder):
    """The tree has the time it needs, and the handlers from before come back."""
    before, told = signal.getsignal(signal.SIGINT), []
    root = build(ChildSpec("a", CleansUpFor(2)), ChildSpec("b", CleansUpFor(2)))
    async with trio.open_nursery() as nursery:
        run = partial(run_until_signalled, root, on_signal=lambda *it: told.append(it))
        nursery.start_soon(run)
        await send(1, number=signal.SIGINT)

    assert [(e.child, e.at) for e in recorder.of(ChildExited)] == [("b", 3.0), ("a", 5.0)]
    assert told == [(signal.SIGINT, 1)]
    assert signal.getsignal(signal.SIGINT) is before


async def test_signal_before_the_tree_runs_keeps_it_from_starting(autojump_clock, build, recorder):
    """Whoever is told to end while still preparing does not begin the work."""
    with catch_stop_signals() as signals:
        signal.raise_signal(signal.SIGTERM)
        await signals.run(build(ChildSpec("a", Obedient())))

    assert recorder.of(ChildStarting) == []


async def test_error_of_the_tree_comes_out_as_it_is(autojump_clock, build):
    """No exception group hides it from the main function of a daemon."""
    with pytest.raises(ChildStartFailed):
        await run_until_signalled(build(ChildSpec("a", FailsToStart())))


async def test_what_is_told_of_signals_may_raise(autojump_clock, build, caplog):
    """The stop goes on, and the error is logged."""

    def tell(number, count):
        raise OSError

    async with trio.open_nursery() as nursery:
        root = build(ChildSpec("a", Obedient()))
        nursery.start_soon(partial(run_until_signalled, root, on_signal=tell))
        await send(1)

    assert "SIGTERM" in caplog.text
