"""What the embedded queue does in transactions of others, and over restarts of the process."""

import pytest

from hsid.constants import DETECTION_QUEUE
from hsid.queues.protocol import QueueUnavailableError
from hsid.queues.sqlite import SqliteQueue
from hsid.store.store import Store
from tests.conformance.queues.benches import HandClock, build_entries, ids, take, take_one


@pytest.fixture
async def queue(store):
    return SqliteQueue(store, DETECTION_QUEUE)


async def test_a_put_in_somebodys_transaction_is_undone_with_it(store, queue):
    """The ledger's row and its queue entry are there together, or neither is."""

    def both(connection):
        queue.put_in(connection, build_entries("a"))
        raise ValueError("the ledger refuses")

    with pytest.raises(ValueError, match="the ledger refuses"):
        await store.write(both)

    assert (await queue.stats()).depth == 0


async def test_what_an_earlier_process_left_is_all_there(tmp_path, store, queue):
    """Ready, leased and delayed entries and dead letters are the next process's."""
    await queue.put(build_entries("leased", "delayed", "dead", "ready"))
    _, delayed, dead = await take(queue, 3)
    await queue.retry(delayed, delay=60, error="boom")
    await queue.dead_letter(dead, error="boom")

    successor = SqliteQueue(store, DETECTION_QUEUE)
    await successor.reclaim()

    stats = await successor.stats()
    assert (stats.ready, stats.leased, stats.delayed, stats.dead) == (2, 0, 1, 1)
    assert ids(await take(successor)) == ["leased", "ready"]


async def test_a_clock_set_back_between_two_runs_parks_no_retry(store):
    """A retry due by a clock that was years ahead comes within the longest delay."""
    clock = HandClock()
    queue = SqliteQueue(store, DETECTION_QUEUE, clock=clock)
    await queue.put(build_entries("a"))
    clock.advance(1e8)
    await queue.retry(await take_one(queue), delay=10, error="boom")

    clock.advance(-1e8)
    await queue.reclaim()
    clock.advance(3600)

    assert ids(await take(queue)) == ["a"]


async def test_a_store_that_can_not_be_reached_is_said_so(tmp_path, nursery):
    """The queue's callers know one error for it."""
    store = Store(tmp_path / "absent.db")
    queue = SqliteQueue(store, DETECTION_QUEUE)

    with pytest.raises(QueueUnavailableError):
        await queue.stats()
