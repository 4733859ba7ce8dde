"""A queue that can't be reached stops nothing for good and crashes nobody."""

from functools import partial

import trio

from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import QueueUnavailableError
from tests.trio.queues.consumer_bench import Recorder, open_house


class Flaky(MemoryQueue):
    """A queue whose server is away at times."""

    is_away = False

    async def _take(self, limit, duration):
        self._reach()
        return await super()._take(limit, duration)

    async def reclaim(self):
        self._reach()
        return await super().reclaim()

    async def extend(self, leases, *, duration):
        self._reach()
        await super().extend(leases, duration=duration)

    async def settle(self, settlements):
        self._reach()
        return await super().settle(settlements)

    def _reach(self):
        if self.is_away:
            raise QueueUnavailableError("away")


async def test_a_queue_that_is_away_at_start_is_waited_for(autojump_clock):
    """The pump becomes ready degraded, and reclaims when it first can."""
    handler = Recorder()
    queue = Flaky("detection_queue")
    async with open_house(queue=queue) as house:
        await house.put("a")
        await queue.lease(1, duration=60)
        queue.is_away = True
        await house.start_all(handler)
        await trio.sleep(30)
        is_degraded = house.consumer.statistics().is_degraded
        queue.is_away = False
        await house.wait_settled()

        assert (is_degraded, house.consumer.statistics().is_degraded) == (True, False)
    assert handler.handled == ["a"]


async def test_after_an_outage_own_entries_are_not_taken_for_abandoned(autojump_clock):
    """Leases that ran out meanwhile are extended before anything is leased."""
    handler = Recorder(partial(trio.sleep, 300))
    queue = Flaky("detection_queue")
    async with open_house(queue=queue, lease_duration=30) as house:
        await house.put("a", "b")
        await house.start_all(handler)
        await trio.sleep(1)
        queue.is_away = True
        await trio.sleep(200)
        queue.is_away = False
        await house.wait_settled()

        assert house.consumer.statistics().lost == 0
    assert handler.begun == ["a", "b"]


async def test_a_pump_that_can_not_give_back_ends_all_the_same(autojump_clock):
    """The leases run out, and the entries come again as redelivered."""
    queue = Flaky("detection_queue")
    async with open_house(queue=queue, lease_duration=30) as house:
        await house.put("a", "b")
        await house.start_all()
        await trio.sleep(1)
        queue.is_away = True
        house.pump.ask_to_stop()
        await house.pump.ended.wait()
        queue.is_away = False

        leases = await queue.lease(9, duration=30, max_wait=60)
    assert [lease.is_redelivered for lease in leases] == [True, True]
