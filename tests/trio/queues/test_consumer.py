"""A consumer's actors together: entries go out to handlers, completions come back."""

import trio
from trio.testing import wait_all_tasks_blocked

from hsid.queues.completion import Completion, Release
from tests.trio.queues.consumer_bench import Failing, Recorder, open_house


async def sleep_long():
    await trio.sleep(1000)


async def test_every_entry_is_handled_and_acknowledged(autojump_clock):
    """Two handlers share the work; in the end the queue is empty."""
    first, second = Recorder(), Recorder()
    async with open_house(prefetch=4) as house:
        await house.put(*"abcdefgh")
        await house.start_all(first, second)
        await house.wait_settled()

        assert sorted(first.handled + second.handled) == list("abcdefgh")
        assert house.consumer.statistics().committed == 8
        assert house.consumer.statistics().outstanding == 0


async def test_poison_message_uses_no_restart_budget(autojump_clock):
    """Case 74: it is tried, retried with growing delays, given up; the actor lives on."""
    handler = Failing()
    async with open_house(max_deliveries=3) as house:
        await house.put("poison")
        start = trio.current_time()
        await house.start_all(handler)
        await house.wait_settled()
        elapsed = trio.current_time() - start
        (letter,) = await house.queue.dead_letters()

    assert handler.begun == ["poison"] * 3
    assert handler.given_up == [("poison", "ValueError: poison")]
    assert (letter.begun, letter.error) == (3, "ValueError: poison")
    assert 3 <= elapsed <= 4  # 1 s after the first failure, 2 s after the second


async def test_used_up_entry_is_given_up_without_being_run(autojump_clock):
    """What killed its process each time is not started once more."""
    handler = Recorder()
    async with open_house(max_deliveries=2) as house:
        await house.put("killer")
        for _ in range(2):
            (lease,) = await house.queue.lease(1, duration=60)
            await house.queue.begin(lease)
            await house.queue.reclaim()
        await house.start_all(handler)
        await house.wait_settled()

    assert handler.begun == []
    assert [name for name, _ in handler.given_up] == ["killer"]


async def test_a_handler_that_is_cancelled_gives_its_entry_back(autojump_clock):
    """Another incarnation handles it, with no try used up; the channel is not broken."""
    second = Recorder()
    async with open_house() as house:
        await house.put("a", "b")
        await house.start_all()
        with trio.move_on_after(5):
            await house.start(house.consumer.serve, Recorder(sleep_long))
            await trio.sleep_forever()
        house.nursery.cancel_scope.cancel()
    async with open_house() as house:
        await house.put("a", "b")
        await house.start_all()
        async with trio.open_nursery() as first:
            life = await house.start(house.consumer.serve, Recorder(sleep_long))
            first.cancel_scope.cancel()
        life.stopping.set()
        await house.start(house.consumer.serve, second)
        await trio.sleep(1)

    assert second.handled == ["b"]
