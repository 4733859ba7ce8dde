"""Completions: writes, puts and acknowledgements have one effect, or none."""

from functools import partial

import pytest
import trio
from sqlalchemy import text

from hsid.constants import ANALYSIS_QUEUE
from hsid.queues.completer import EmbeddedCompleter, OrderedCompleter
from hsid.queues.completion import Ack, Bury, Completion, Put, Release, Retry
from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import QueueAddResult, QueueOverflowPolicy
from hsid.queues.sqlite import SqliteQueue
from tests.conformance.queues.benches import build_entries, ids, take, take_one


def put_to(queue, *names):
    return tuple(Put(queue.name, entry) for entry in build_entries(*names))


async def test_puts_and_settlements_of_a_group_are_carried_out(bench, queue):
    """Every kind of ending, and puts into another queue, in one call."""
    analysis = bench.build(ANALYSIS_QUEUE)
    await queue.put(build_entries("a", "b", "c", "d"))
    a, b, c, d = await take(queue)

    outcomes = await bench.completer().complete(
        [
            Completion(puts=put_to(analysis, "x"), acks=(Ack(a),)),
            Completion(acks=(Release(b), Retry(c, 60, "boom"))),
            Completion(acks=(Bury(d, "boom"),)),
        ]
    )

    assert [outcome.puts for outcome in outcomes] == [(QueueAddResult.SUCCESS,), (), ()]
    stats = await queue.stats()
    assert (stats.ready, stats.delayed, stats.dead, stats.leased) == (1, 1, 1, 0)
    assert ids(await take(analysis)) == ["x"]


async def test_a_put_that_finds_no_room_is_told_and_undoes_nothing(bench, queue):
    """The acknowledgement stands: what the put was about is in the store, and is fed later."""
    analysis = bench.build(ANALYSIS_QUEUE, capacity=1)
    await queue.put(build_entries("a", "b"))
    a, b = await take(queue)

    first, second = await bench.completer().complete(
        [
            Completion(puts=put_to(analysis, "x"), acks=(Ack(a),)),
            Completion(puts=put_to(analysis, "y", "x"), acks=(Ack(b),)),
        ]
    )

    success, rejected = QueueAddResult.SUCCESS, QueueAddResult.REJECTED
    assert (first.puts, second.puts) == ((success,), (rejected, success))
    assert (await queue.stats()).depth == 0


async def test_evicted_entries_are_told_once(bench):
    """Somebody has to write down that their work will not be done."""
    analysis = bench.build(ANALYSIS_QUEUE, capacity=1, overflow=QueueOverflowPolicy.DROP_OLDEST)
    await analysis.put(build_entries("old"))

    outcomes = await bench.completer().complete(
        [
            Completion(puts=put_to(analysis, "x")),
            Completion(puts=put_to(analysis, "x")),
        ]
    )

    assert [ids(outcome.evicted) for outcome in outcomes] == [["old"], []]


async def test_a_lost_lease_is_told_and_does_not_hold_up_its_group(bench, queue):
    """The one whose lease is another's by now hears of it; the other is done."""
    await queue.put(build_entries("a", "b"))
    a, b = await take(queue)
    await queue.ack([a])

    lost, fine = await bench.completer().complete(
        [Completion(acks=(Ack(a),)), Completion(acks=(Ack(b),))]
    )

    assert (ids(lost.lost), ids(fine.lost)) == (["a"], [])
    assert (await queue.stats()).depth == 0


async def test_a_completions_put_wakes_the_next_consumer(bench, queue):
    """The next actor hears of its work as soon as it is durable."""
    completion = Completion(puts=put_to(queue, "next"))
    completer = bench.completer()

    async def complete_when_idle():
        await trio.sleep(0.05)
        await completer.complete([completion])

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(complete_when_idle)
            leases = await queue.lease(1, duration=60, max_wait=60)

    assert ids(leases) == ["next"]


async def test_completing_nothing_is_nothing(bench):
    """An empty group has no outcomes."""
    assert list(await bench.completer().complete([])) == []


def insert(connection, name):
    connection.execute(text("INSERT INTO cameras (id, name) VALUES (:n, :n)"), {"n": name})
    return True


def not_due(_connection):
    return False


def raises(_connection):
    raise ValueError("not to be written")


async def names(store):
    return await store.read(
        lambda connection: sorted(connection.execute(text("SELECT id FROM cameras")).scalars())
    )


@pytest.fixture(params=["embedded", "ordered"])
async def house(request, store):
    """A store with a queue inside it or beside it, and what completes both."""
    if request.param == "embedded":
        queue = SqliteQueue(store, "detection_queue")
        return store, queue, EmbeddedCompleter(store, [queue])
    queue = MemoryQueue("detection_queue")
    return store, queue, OrderedCompleter(store, [queue])


async def test_writes_of_a_completion_are_made_with_its_acknowledgement(house):
    """The ordinary end of a handler."""
    store, queue, completer = house
    await queue.put(build_entries("a"))
    lease = await take_one(queue)

    (outcome,) = await completer.complete(
        [Completion((partial(insert, name="x"), partial(insert, name="y")), (), (Ack(lease),))]
    )

    assert outcome.error is None
    assert await names(store) == ["x", "y"]
    assert (await queue.stats()).depth == 0


async def test_writes_that_are_not_due_are_discarded_whole(house):
    """Somebody else has done the work: nothing is written, puts and acknowledgements follow."""
    store, queue, completer = house
    await queue.put(build_entries("a"))
    lease = await take_one(queue)

    (outcome,) = await completer.complete(
        [Completion((partial(insert, name="x"), not_due), put_to(queue, "next"), (Ack(lease),))]
    )

    assert outcome.is_discarded
    assert await names(store) == []
    assert ids(await queue.peek()) == ["next"]


async def test_a_write_that_raises_takes_only_its_own_completion_with_it(house):
    """Its entry stays leased, with nothing written or put; its neighbours are done."""
    store, queue, completer = house
    await queue.put(build_entries("a", "b", "c"))
    a, b, c = await take(queue)

    outcomes = await completer.complete(
        [
            Completion((partial(insert, name="x"),), (), (Ack(a),)),
            Completion((partial(insert, name="y"), raises), put_to(queue, "no"), (Ack(b),)),
            Completion((not_due,), (), (Ack(c),)),
        ]
    )

    assert [type(outcome.error) for outcome in outcomes] == [type(None), ValueError, type(None)]
    assert [outcome.is_discarded for outcome in outcomes] == [False, False, True]
    assert await names(store) == ["x"]
    assert (await queue.stats()).leased == 1
    assert await queue.peek() == []
