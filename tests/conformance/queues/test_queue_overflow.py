"""Puts: idempotent by id, and what a full queue does."""

import pytest

from hsid.constants import get_dlq_name, get_dlq_overflow_name
from hsid.queues.overflow import pressure
from hsid.queues.protocol import QueueAddResult, QueueOverflowPolicy, Release
from tests.conformance.queues.benches import build_entries, ids, take, take_one

LOSSY = [QueueOverflowPolicy.DLQ, QueueOverflowPolicy.DROP_OLDEST]


async def test_putting_an_entry_twice_is_putting_it_once(queue):
    """The same id is the same work: ready, leased or delayed."""
    await queue.put(build_entries("a", "a"))
    await queue.put(build_entries("a"))
    lease = await take_one(queue)
    await queue.put(build_entries("a"))
    await queue.retry(lease, delay=60, error="boom")

    report = await queue.put(build_entries("a"))

    assert report.results == (QueueAddResult.SUCCESS,)
    assert (await queue.stats()).depth == 1


async def test_an_acknowledged_id_may_be_put_again(queue):
    """The queue remembers nothing of what it has finished."""
    await queue.put(build_entries("a"))
    await queue.ack(await take(queue))
    await queue.put(build_entries("a"))

    assert ids(await take(queue)) == ["a"]


async def test_putting_nothing_is_nothing(queue):
    """An empty put has an empty report."""
    assert (await queue.put([])).results == ()


async def test_a_full_queue_rejects_and_stores_nothing(bench):
    """The policy for uploads: they stay in the ledger and are fed later."""
    queue = bench.build(capacity=2)

    report = await queue.put(build_entries("a", "b", "c", "a"))

    success, rejected = QueueAddResult.SUCCESS, QueueAddResult.REJECTED
    assert report.results == (success, success, rejected, success)
    assert report.evicted == ()
    assert ids(await queue.peek()) == ["a", "b"]


async def test_leased_and_delayed_entries_take_room(bench):
    """Capacity bounds all that is not settled, so nothing grows while handlers fail."""
    queue = bench.build(capacity=2)
    await queue.put(build_entries("a", "b"))
    await queue.retry(await take_one(queue), delay=60, error="boom")

    report = await queue.put(build_entries("c"))

    assert report.results == (QueueAddResult.REJECTED,)


async def test_room_is_there_again_when_an_entry_is_acked(bench):
    """A full queue takes the next one as soon as one is done."""
    queue = bench.build(capacity=1)
    await queue.put(build_entries("a"))
    await queue.ack(await take(queue))

    report = await queue.put(build_entries("b"))

    assert report.results == (QueueAddResult.SUCCESS,)


async def test_a_returned_entry_is_never_refused(bench):
    """Release and retry need no room: what was in the queue stays."""
    queue = bench.build(capacity=1)
    await queue.put(build_entries("a"))
    lease = await take_one(queue)
    await queue.put(build_entries("b"))
    await queue.settle([Release(lease)])

    assert ids(await take(queue)) == ["a"]


async def test_the_oldest_of_the_least_urgent_makes_room(bench):
    """Dropping begins where it hurts least."""
    queue = bench.build(capacity=3, overflow=QueueOverflowPolicy.DROP_OLDEST)
    await queue.put(build_entries("a!", "b", "c"))

    report = await queue.put(build_entries("d", "e"))

    assert report.results == (QueueAddResult.SUCCESS,) * 2
    assert ids(report.evicted) == ["b", "c"]
    assert ids(await take(queue)) == ["a", "d", "e"]
    assert await queue.dead_letters() == []


async def test_an_entry_that_makes_room_under_dlq_is_kept_as_a_dead_letter(bench):
    """The report says so for the new one, the overflow list holds the old one."""
    queue = bench.build(capacity=1, overflow=QueueOverflowPolicy.DLQ)
    await queue.put(build_entries("a"))

    report = await queue.put(build_entries("b"))
    (letter,) = await queue.dead_letters()

    assert report.results == (QueueAddResult.SENT_TO_DLQ,)
    assert (letter.entry.id, letter.queue) == ("a", get_dlq_overflow_name(queue.name))
    assert "overflow" in letter.error
    assert ids(await take(queue)) == ["b"]


@pytest.mark.parametrize("policy", QueueOverflowPolicy)
async def test_each_overflow_policy(bench, policy):
    """Case 71: no policy ever drops what is leased; the new one is rejected then."""
    queue = bench.build(capacity=2, overflow=policy)
    await queue.put(build_entries("a", "b"))
    leases = await take(queue)

    report = await queue.put(build_entries("c"))

    assert report.results == (QueueAddResult.REJECTED,)
    await queue.ack(leases)


@pytest.mark.parametrize("policy", LOSSY)
async def test_trim_never_removes_pending(bench, policy):
    """Case 72: however much is put, a leased entry is still there to be acknowledged."""
    queue = bench.build(capacity=2, overflow=policy)
    await queue.put(build_entries("kept"))
    lease = await take_one(queue)
    for number in range(20):
        await queue.put(build_entries(f"new-{number}"))

    assert (await queue.stats()).depth == 2
    await queue.ack([lease])


async def test_dead_letters_need_no_room(bench):
    """Giving up works in a full queue, and makes room."""
    queue = bench.build(capacity=1)
    await queue.put(build_entries("a"))
    await queue.dead_letter(await take_one(queue), error="boom")

    assert (await queue.put(build_entries("b"))).results == (QueueAddResult.SUCCESS,)
    assert [letter.queue for letter in await queue.dead_letters()] == [get_dlq_name(queue.name)]


@pytest.mark.parametrize(
    ("count", "is_at_threshold", "is_full"), [(3, False, False), (4, True, False), (5, True, True)]
)
async def test_pressure_tells_when_a_queue_fills(bench, count, is_at_threshold, is_full):
    """From the threshold's share on it is a warning, leased and delayed entries included."""
    queue = bench.build(capacity=5)
    await queue.put(build_entries(*"abcde"[:count]))
    await queue.retry(await take_one(queue), delay=60, error="boom")
    await take_one(queue)

    metrics = pressure(
        queue.name, await queue.stats(), threshold=0.8, policy=QueueOverflowPolicy.REJECT
    )

    assert (metrics.current_length, metrics.max_size) == (count, 5)
    assert metrics.fill_ratio == count / 5
    assert (metrics.is_at_pressure_threshold, metrics.is_full) == (is_at_threshold, is_full)
