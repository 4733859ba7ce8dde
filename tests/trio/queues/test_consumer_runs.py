"""Entries that one handler takes in a run, under one time limit."""

from itertools import pairwise

import trio

from hsid.queues.completion import Ack, Completion
from tests.trio.queues.consumer_bench import Recorder, open_house


class Prompt(Recorder):
    """A handler that never waits, except for entries whose names begin with "slow"."""

    async def handle(self, lease):
        self.begun.append(lease.entry.id)
        if lease.entry.id.startswith("slow"):
            await trio.sleep_forever()
        self.handled.append(lease.entry.id)
        return Completion(acks=(Ack(lease),))


async def test_a_handler_that_never_waits_lets_others_run(autojump_clock):
    """Between any two turns of another task it has taken only so many entries."""
    handler, seen = Prompt(), []

    async def watch():
        while len(handler.handled) < 100:
            seen.append(len(handler.handled))
            await trio.lowlevel.checkpoint()

    async with open_house(prefetch=100) as house:
        await house.put(*(f"{number:03}" for number in range(100)))
        house.nursery.start_soon(watch)
        await house.start_all(handler)
        await house.wait_settled()

    steps = [after - before for before, after in pairwise(seen)]
    assert max(steps) <= 32
    assert handler.handled == sorted(handler.handled)


async def test_one_entry_of_a_run_that_takes_too_long_fails_alone(autojump_clock):
    """Those before it are done, those behind it follow when its time is over."""
    handler = Prompt()
    async with open_house(handle_within=10, max_deliveries=1) as house:
        await house.put("a", "slow", "z")
        began = trio.current_time()
        await house.start_all(handler)
        await house.wait_settled()

    assert handler.handled == ["a", "z"]
    assert [entry for entry, _ in handler.given_up] == ["slow"]
    assert "took longer than 10 s" in handler.given_up[0][1]
    assert trio.current_time() - began < 11


async def test_a_run_ends_when_handlers_may_take_nothing_more(autojump_clock):
    """Closed in the middle of a run, the consumer leaves the rest in the channel."""
    async with open_house() as house:

        class Closing(Prompt):
            async def handle(self, lease):
                house.consumer.close()
                return await super().handle(lease)

        handler = Closing()
        await house.put("a", "b", "c")
        await house.start_all(handler)
        await house.consumer.wait_idle()
        await trio.sleep(1)
        assert handler.handled == ["a"]
        assert house.consumer.statistics().waiting == 2


async def test_an_entry_in_a_run_is_given_back_when_its_actor_is_cancelled(autojump_clock):
    """No try is used up, and what was done before in the same run stays done."""
    handler = Prompt()
    async with open_house() as house:
        await house.put("a", "slow")
        (life,) = await house.start_all(handler)
        await trio.sleep(1)
        house.pump.ask_to_stop()
        await house.pump.ended.wait()
        life.scope.cancel()
        await trio.sleep(1)
        (lease,) = await house.queue.lease(5, duration=1)

    assert (lease.entry.id, lease.begun, lease.is_redelivered) == ("slow", 0, False)
    assert handler.handled == ["a"]
