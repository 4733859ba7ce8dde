"""Leases: who gets an entry, in which order, for how long, and who may settle it."""

import pytest
import trio

from hsid.queues.protocol import (
    LONGEST_DELAY,
    Ack,
    Entry,
    LeaseLostError,
    Release,
    Retry,
)
from tests.conformance.queues.benches import build_entries, ids, take, take_one


async def test_what_was_put_comes_back_as_it_was(queue):
    """Id, payload and priority survive the queue, text in any script included."""
    entry = Entry("upload:1", {"upload_id": 1, "name": "Garten \N{SNOWMAN}\n"})
    await queue.put([entry])

    lease = await take_one(queue)

    assert lease.entry == entry
    assert (lease.queue, lease.begun, lease.is_redelivered) == (queue.name, 0, False)


async def test_urgent_entries_come_first_and_the_oldest_of_a_priority_first(queue):
    """Priority decides, then the order of arrival."""
    await queue.put(build_entries("a", "b", "c!", "d", "e!"))

    assert ids(await take(queue)) == ["c", "e", "a", "b", "d"]


async def test_no_more_than_the_limit_is_leased(queue):
    """A lease takes as many as the consumer can take, no entry twice."""
    await queue.put(build_entries("a", "b", "c"))

    assert ids(await take(queue, 2)) == ["a", "b"]
    assert ids(await take(queue, 2)) == ["c"]
    assert ids(await take(queue, 2)) == []


async def test_an_empty_queue_answers_at_once_if_not_told_to_wait(queue):
    """Without `max_wait` nothing is awaited."""
    with trio.fail_after(5):
        assert ids(await queue.lease(1, duration=60)) == []


async def test_a_put_wakes_a_waiting_consumer(queue):
    """Nobody polls: the consumer sleeps until the entry is there, and has it then."""
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_when_idle, queue.put, build_entries("late"))
            leases = await queue.lease(1, duration=60, max_wait=60)

    assert ids(leases) == ["late"]


async def _when_idle(call, argument):
    await trio.sleep(0.05)
    await call(argument)


async def test_a_release_wakes_a_waiting_consumer(queue):
    """What one consumer gives back is another's at once."""
    await queue.put(build_entries("a"))
    lease = await take_one(queue)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_when_idle, queue.release, [lease])
            leases = await queue.lease(1, duration=60, max_wait=60)

    assert ids(leases) == ["a"]


async def test_an_acknowledged_entry_is_gone_for_good(bench, queue):
    """Neither time nor a restart brings it back."""
    await queue.put(build_entries("a"))
    await queue.ack(await take(queue))

    bench.clock.advance(1e6)
    await queue.reclaim()

    assert await take(queue) == []
    assert (await queue.stats()).depth == 0


async def test_unacked_message_is_redelivered_with_count_plus_one(queue):
    """Case 65: after a restart it comes again, and its next handler is counted before it runs."""
    await queue.put(build_entries("a"))
    await take_one(queue)

    assert await queue.reclaim() == 1
    lease = await take_one(queue)
    begun = await queue.begin(lease)

    assert (lease.is_redelivered, lease.begun, begun.begun) == (True, 0, 1)


async def test_crash_in_handler_counts_even_if_the_process_dies(queue):
    """Case 66: `begin` is durable, so a handler that kills its process is counted each time."""
    await queue.put(build_entries("a"))
    await take_one(queue)
    for _ in range(3):
        await queue.reclaim()  # the process has died and come back
        await queue.begin(await take_one(queue))
    await queue.reclaim()

    assert (await take_one(queue)).begun == 3


async def test_innocent_entries_in_a_prefetch_are_not_counted(queue):
    """Only what a handler has begun counts, however often the process dies."""
    await queue.put(build_entries("killer", "innocent"))
    await take(queue)
    for _ in range(3):
        await queue.reclaim()
        killer, _ = await take(queue)
        await queue.begin(killer)
    await queue.reclaim()

    assert [lease.begun for lease in await take(queue)] == [3, 0]


async def test_reclaimed_entries_come_before_all_others(queue):
    """What a dead consumer held is in front, urgent ones first, in its old order."""
    await queue.put(build_entries("a", "b!", "c"))
    await take(queue)
    await queue.put(build_entries("d!", "e"))

    assert await queue.reclaim() == 3
    leases = await take(queue)

    assert ids(leases) == ["b", "a", "c", "d", "e"]
    assert [lease.is_redelivered for lease in leases] == [True] * 3 + [False] * 2


async def test_stale_token_cannot_ack(bench, queue):
    """Case 68: a lease that ran out and was given to another settles nothing any more."""
    await queue.put(build_entries("a"))
    stale = await take_one(queue)
    bench.clock.advance(61)
    fresh = await take_one(queue)

    with pytest.raises(LeaseLostError) as caught:
        await queue.ack([stale])
    with pytest.raises(LeaseLostError):
        await queue.begin(stale)

    assert ids(caught.value.leases) == ["a"]
    assert fresh.is_redelivered
    await queue.ack([fresh])


async def test_a_lost_lease_does_not_hold_up_the_others_of_its_call(queue):
    """All leases of a call are settled, but the lost one."""
    await queue.put(build_entries("a", "b", "c"))
    leases = await take(queue)
    await queue.ack(leases[1:2])

    lost = await queue.settle([Ack(leases[0]), Ack(leases[1]), Release(leases[2])])

    assert ids(lost) == ["b"]
    assert ids(await take(queue)) == ["c"]


async def test_a_lease_ends_at_its_time_and_not_before(bench, queue):
    """Up to the end nobody else gets the entry."""
    await queue.put(build_entries("a"))
    await take_one(queue)

    bench.clock.advance(59.9)
    assert await take(queue) == []
    bench.clock.advance(0.1)
    assert ids(await take(queue)) == ["a"]


async def test_an_extended_lease_holds(bench, queue):
    """Extension counts from now; leases that are lost are passed over."""
    await queue.put(build_entries("a", "b"))
    kept, gone = await take(queue)
    await queue.ack([gone])

    bench.clock.advance(50)
    await queue.extend([kept, gone], duration=60)
    bench.clock.advance(50)

    assert await take(queue) == []
    await queue.ack([kept])


async def test_release_on_stop_does_not_use_up_deliveries(queue):
    """Case 70: five restarts of the daemon make no poison of a healthy message."""
    await queue.put(build_entries("a"))
    for _ in range(5):
        await queue.reclaim()
        begun = await queue.begin(await take_one(queue))
        await queue.release([begun])

    assert (await take_one(queue)).begun == 0


async def test_a_released_entry_keeps_its_place(queue):
    """It was first and is first again."""
    await queue.put(build_entries("a", "b"))
    await queue.release([await take_one(queue)])

    assert ids(await take(queue)) == ["a", "b"]


async def test_a_retry_counts_and_comes_when_its_time_has_come(bench, queue):
    """A failed handler is one more begun; until the delay is over the entry is delayed."""
    await queue.put(build_entries("a"))
    await queue.retry(await take_one(queue), delay=10, error="no answer")

    assert await take(queue) == []
    assert (await queue.stats()).delayed == 1
    bench.clock.advance(10)
    lease = await take_one(queue)

    assert (lease.begun, lease.is_redelivered) == (1, False)


async def test_a_counted_beginning_is_not_counted_again_by_the_retry(queue):
    """One handler is one try, whether it was counted before or after."""
    await queue.put(build_entries("a"))
    await take_one(queue)
    await queue.reclaim()
    begun = await queue.begin(await take_one(queue))
    await queue.retry(begun, delay=0, error="no answer")

    lease = await take_one(queue)

    assert (lease.begun, lease.is_redelivered) == (1, False)


async def test_a_delayed_release_uses_up_no_try(bench, queue):
    """Putting an entry off is not failing at it."""
    await queue.put(build_entries("a"))
    await queue.settle([Release(await take_one(queue), delay=30)])

    assert await take(queue) == []
    bench.clock.advance(30)
    assert (await take_one(queue)).begun == 0


async def test_no_delay_is_longer_than_the_longest(bench, queue):
    """A wrong number parks nothing for good."""
    await queue.put(build_entries("a"))
    await queue.settle([Retry(await take_one(queue), 1e9, "boom")])

    bench.clock.advance(LONGEST_DELAY)

    assert ids(await take(queue)) == ["a"]
