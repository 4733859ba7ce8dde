"""The reconciler's rounds, on a virtual clock."""

import math

import trio

from actors.reconciler import Reconciler
from hsid.notices import Notice
from hsid.queues.protocol import QueueUnavailableError
from supervision.testing import lone_context


class ScriptedFeeder:
    """Notes when it is asked and answers by its scripts, whose last lines go on for ever."""

    def __init__(self, *, restore=(False,), feed=(False,), restore_every=math.inf) -> None:
        self.restore_every = restore_every
        self.scripts = {"restore": list(restore), "feed": list(feed)}
        self.asked = []

    async def restore(self) -> bool:
        return self._answer("restore")

    async def feed(self) -> bool:
        return self._answer("feed")

    def _answer(self, what: str) -> bool:
        self.asked.append((what, trio.current_time()))
        script = self.scripts[what]
        line = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(line, Exception):
            raise line
        return line

    def times(self, what: str) -> list[float]:
        began = self.asked[0][1]
        return [round(when - began, 3) for name, when in self.asked if name == what]


async def run_for(
    seconds: float, feeder: ScriptedFeeder, notice: Notice | None = None
) -> ScriptedFeeder:
    """Run the reconciler on *feeder* for a while."""
    with trio.move_on_after(seconds), lone_context() as ctx:
        await Reconciler(feeder, notice or Notice()).run(ctx)
    return feeder


async def test_it_restores_once_and_then_feeds_from_time_to_time(autojump_clock) -> None:
    """What a crash lost is put back at the start; later rounds are few while nothing waits."""
    feeder = await run_for(95, ScriptedFeeder())

    assert feeder.times("restore") == [0]
    assert feeder.times("feed") == [0, 30, 60, 90]


async def test_paused_it_feeds_nothing_until_it_is_resumed(autojump_clock) -> None:
    """An operator may hold back what waits, for as long as there is need."""
    feeder = ScriptedFeeder(feed=[True])
    with trio.move_on_after(20), lone_context() as ctx:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Reconciler(feeder, Notice()).run, ctx)
            await trio.sleep(0.75)
            ctx.set_paused(is_paused=True)
            await trio.sleep(10)
            assert feeder.times("feed") == [0, 0.5]
            ctx.set_paused(is_paused=False)
            await trio.sleep(0.75)
            nursery.cancel_scope.cancel()

    assert feeder.times("feed") == [0, 0.5, 10.75, 11.25]


async def test_it_looks_often_while_something_waits_for_room(autojump_clock) -> None:
    """A full queue is refilled soon after there is room, not half a minute later."""
    feeder = await run_for(20, ScriptedFeeder(feed=[True, True, True, False]))

    assert feeder.times("feed") == [0, 0.5, 1, 1.5]


async def test_it_restores_until_everything_found_room(autojump_clock) -> None:
    """An entry that the full queue rejected is put again."""
    feeder = await run_for(20, ScriptedFeeder(restore=[True, True, False]))

    assert feeder.times("restore") == [0, 0.5, 1]


async def test_an_absent_store_only_costs_time(autojump_clock) -> None:
    """It goes on with what it was about when the store is back."""
    away = QueueUnavailableError("away")
    feeder = await run_for(20, ScriptedFeeder(restore=[away, away, False], feed=[away, False]))

    assert feeder.times("restore") == [0, 0.5, 1]
    assert feeder.times("feed") == [1, 1.5]


async def test_a_queue_apart_from_the_ledger_is_restored_now_and_then(autojump_clock) -> None:
    """A server may lose the last second of what it had, and nobody is told."""
    feeder = await run_for(95, ScriptedFeeder(restore_every=60))

    assert feeder.times("restore") == [0, 60]


async def test_a_lost_queue_is_filled_anew_at_once(autojump_clock) -> None:
    """Who found out that it is gone gives notice."""
    feeder, notice = ScriptedFeeder(), Notice()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_for, 20, feeder, notice)
        await trio.sleep(7)
        notice.give()

    assert feeder.times("restore") == [0, 7]


async def test_after_an_outage_at_the_start_everything_is_restored(autojump_clock) -> None:
    """The server may come long after the daemon."""
    away = QueueUnavailableError("away")
    feeder = await run_for(20, ScriptedFeeder(restore=[away, away, False]))

    assert feeder.times("restore") == [0, 0.5, 1]
