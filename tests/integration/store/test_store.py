"""The store on trio, on either database: group commits, failing calls, cancelled callers."""

from functools import partial

import pytest
import trio
from sqlalchemy.exc import IntegrityError

from hsid.store.database import open_database, open_read_only
from hsid.store.errors import StoreUnavailableError
from hsid.store.store import Store
from tests.integration.store.calls import Gate, add, list_ids, start


@pytest.fixture
async def store(database_url, nursery):
    store = Store(database_url)
    await start(nursery, store)
    return store


async def test_a_write_is_durable_when_it_returns(store, database_url):
    """Another connection sees it at once, and the result is the call's own."""
    assert await store.write(partial(add, 7)) == 7
    with open_read_only(database_url) as database, database.snapshot() as conn:
        assert list_ids(conn) == ["007"]


async def test_writes_that_gathered_share_a_commit(store):
    """While one commit runs, all others wait for the same next one."""
    gate = Gate()
    async with trio.open_nursery() as callers:
        callers.start_soon(store.write, gate)
        await gate.wait_entered()
        for number in range(50):
            callers.start_soon(store.write, partial(add, number))
        await trio.testing.wait_all_tasks_blocked()
        gate.opened.set()
    statistics = store.statistics()
    assert (statistics.commits, statistics.calls, statistics.largest_group) == (2, 51, 50)
    assert len(await store.read(list_ids)) == 50


async def test_concurrent_writers_need_fewer_commits_than_writes(store):
    """Grouping comes by itself, from many callers at a time."""
    async with trio.open_nursery() as callers:
        for number in range(200):
            callers.start_soon(store.write, partial(add, number))
    assert store.statistics().commits < 100


async def test_a_lone_write_is_committed_at_once(store):
    """One caller, one commit each: nothing waits for company."""
    for number in range(5):
        await store.write(partial(add, number))
    assert store.statistics().commits == 5


async def test_a_failing_call_undoes_itself_only(store):
    """Its own writes are gone, its error is its caller's, and its neighbours are stored."""

    def fail(conn):
        add(2, conn)
        add(1, conn)

    results = await store.write_group([partial(add, 1), fail, partial(add, 3)])
    assert (results[0], type(results[1]), results[2]) == (1, IntegrityError, 3)
    assert await store.read(list_ids) == ["001", "003"]
    statistics = store.statistics()
    assert (statistics.commits, statistics.failed_calls, statistics.failed_commits) == (1, 1, 0)


async def test_an_exception_of_a_call_is_raised_at_its_caller(store):
    """What the call raised arrives as it is."""
    with pytest.raises(ZeroDivisionError):
        await store.write(lambda _conn: 1 // 0)


async def test_a_cancelled_caller_leaves_at_once_and_its_call_is_carried_out(store):
    """Nobody waits for a slow commit who does not want to; the write happens all the same."""
    gate = Gate()
    async with trio.open_nursery() as callers:
        callers.start_soon(store.write, gate)
        await gate.wait_entered()
        with trio.CancelScope() as scope:
            callers.start_soon(_cancel_when_blocked, scope)
            await store.write(partial(add, 1))
        assert scope.cancelled_caught
        assert not gate.opened.is_set()
        gate.opened.set()
    assert await store.write(list_ids) == ["001"]
    assert store.statistics().in_flight == 0


async def _cancel_when_blocked(scope):
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


async def test_callers_are_held_back_when_too_much_is_in_flight(database_url, nursery):
    """The bound holds, cancelled callers included: what they left behind still counts."""
    store = Store(database_url, max_in_flight=3)
    await start(nursery, store)
    gate = Gate()
    async with trio.open_nursery() as callers:
        callers.start_soon(store.write, gate)
        await gate.wait_entered()
        for number in range(9):
            callers.start_soon(store.write, partial(add, number))
        await trio.testing.wait_all_tasks_blocked()
        assert store.statistics().in_flight == 3
        gate.opened.set()
    assert len(await store.read(list_ids)) == 9


async def test_what_is_to_be_prepared_is_there_before_any_request(database_url, nursery):
    """The first write finds it, however early it was asked for."""
    store = Store(database_url, prepare=partial(add, 5))
    nursery.start_soon(partial(store.serve, ready=lambda: None))
    assert await store.write(list_ids) == ["005"]


async def test_requests_wait_for_a_writer(database_url):
    """A restart of the writer costs its callers time, not their writes."""
    store = Store(database_url)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.write, partial(add, 1))
        await trio.testing.wait_all_tasks_blocked()
        await start(nursery, store)
        await store.write(partial(add, 2))
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        await start(nursery, store)
        assert await store.write(list_ids) == ["001", "002"]
        nursery.cancel_scope.cancel()


async def test_a_stopping_writer_commits_what_it_was_given(database_url):
    """Cancelling `serve` drains first, and closes last."""
    store = Store(database_url)
    gate = Gate()
    async with trio.open_nursery() as nursery:
        await start(nursery, store)
        nursery.start_soon(store.write, gate)
        await gate.wait_entered()
        for number in range(3):
            nursery.start_soon(store.write, partial(add, number))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        gate.opened.set()
    with open_database(database_url) as database, database.transaction() as conn:
        assert list_ids(conn) == ["000", "001", "002"]


async def test_a_thread_that_hangs_is_left_behind_and_waited_for_by_the_next(database_url):
    """Stopping ends at its deadline; no second writer begins while the first still lives."""
    store = Store(database_url, drain_deadline=0.05)
    gate = Gate()
    async with trio.open_nursery() as nursery:
        await start(nursery, store)
        nursery.start_soon(store.write, gate)
        await gate.wait_entered()
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(store.serve, ready=lambda: None))
        with trio.move_on_after(0.2) as too_early:
            await store.write(partial(add, 1))
        assert too_early.cancelled_caught
        gate.opened.set()
        await store.write(partial(add, 2))
        assert await store.read(list_ids) == ["001", "002"]
        nursery.cancel_scope.cancel()


async def test_a_reader_cannot_write(store):
    """The connections of readers are read-only, whatever the call tries."""
    with pytest.raises(StoreUnavailableError, match="written"):
        await store.read(partial(add, 1))


async def test_a_read_sees_one_moment(store):
    """A commit in the middle of a read does not show in it."""
    await store.write(partial(add, 1))

    def read_twice(conn):
        before = list_ids(conn)
        trio.from_thread.run(store.write, partial(add, 2))
        return before, list_ids(conn)

    before, after = await store.read(read_twice)
    assert before == after == ["001"]
    assert await store.read(list_ids) == ["001", "002"]
