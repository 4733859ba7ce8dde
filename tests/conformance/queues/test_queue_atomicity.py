"""Steps that fail in the middle: all of it was done, or nothing."""

from hsid.constants import ANALYSIS_QUEUE
from hsid.queues.completion import Ack, Completion, Put
from hsid.queues.protocol import QueueOverflowPolicy
from tests.conformance.queues.benches import build_entries, ids, take, take_one


async def test_poison_goes_to_dlq_once_and_ack_is_atomic(bench, queue):
    """Case 67: a fault between the dead letter and the removal leaves neither; then both are."""
    await queue.put(build_entries("a"))
    lease = await take_one(queue)
    with bench.fault():
        await queue.dead_letter(lease, error="boom")
    before = await queue.stats()

    await queue.dead_letter(lease, error="boom")
    after = await queue.stats()

    assert (before.leased, before.dead) == (1, 0)
    assert (after.depth, after.dead) == (0, 1)


async def test_ack_and_put_are_one_step(bench, queue):
    """Case 73: a fault between the put and the acknowledgement leaves neither; then both are."""
    analysis = bench.build(ANALYSIS_QUEUE)
    await queue.put(build_entries("a"))
    lease = await take_one(queue)
    completion = Completion(puts=(Put(ANALYSIS_QUEUE, *build_entries("x")),), acks=(Ack(lease),))
    with bench.fault():
        await bench.completer().complete([completion])
    between = (await analysis.stats()).depth, (await queue.stats()).leased

    await bench.completer().complete([completion])

    assert between == (0, 1)
    assert (await queue.stats()).depth == 0
    assert ids(await take(analysis)) == ["x"]


async def test_an_eviction_and_the_put_that_needs_it_are_one_step(bench):
    """A fault while room is made neither loses the old entry nor stores the new one."""
    queue = bench.build(capacity=1, overflow=QueueOverflowPolicy.DLQ)
    await queue.put(build_entries("old"))
    with bench.fault():
        await queue.put(build_entries("new"))
    before = await queue.stats()

    assert (before.ready, before.dead) == (1, 0)
    assert ids(await queue.peek()) == ["old"]
