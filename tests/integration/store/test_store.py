"""The store on trio: group commits, failing calls, cancelled callers, faults of the storage."""

import threading
from functools import partial

import pytest
import trio
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from hsid.store.database import open_database
from hsid.store.errors import StoreCorruptError, StoreUnavailableError
from hsid.store.schema import cameras
from hsid.store.store import Store


def add(number, conn):
    conn.execute(insert(cameras).values(id=f"{number:03}", name="x"))
    return number


def list_ids(conn):
    return list(conn.scalars(select(cameras.c.id).order_by(cameras.c.id)))


class Gate:
    """A call that holds the writing thread until it is opened."""

    def __init__(self):
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _conn):
        self.entered.set()
        assert self.opened.wait(30)

    async def wait_entered(self):
        await trio.to_thread.run_sync(self.entered.wait, 30)


async def start(nursery, store):
    ready = trio.Event()
    nursery.start_soon(partial(store.serve, ready=ready.set))
    await ready.wait()


@pytest.fixture
async def store(path, nursery):
    store = Store(path)
    await start(nursery, store)
    return store


async def test_a_write_is_durable_when_it_returns(store, path):
    """Another connection sees it at once, and the result is the call's own."""
    assert await store.write(partial(add, 7)) == 7
    assert await store.read(list_ids) == ["007"]
    assert path.exists()


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


async def test_callers_are_held_back_when_too_much_is_in_flight(path, nursery):
    """The bound holds, cancelled callers included: what they left behind still counts."""
    store = Store(path, max_in_flight=3)
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


async def test_requests_wait_for_a_writer(path):
    """A restart of the writer costs its callers time, not their writes."""
    store = Store(path)
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


async def test_a_stopping_writer_commits_what_it_was_given(path):
    """Cancelling `serve` drains first, closes last, and leaves no log behind."""
    store = Store(path)
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
    assert [entry.name for entry in path.parent.iterdir()] == ["hsid.db"]
    with open_database(path) as database, database.transaction() as conn:
        assert list_ids(conn) == ["000", "001", "002"]


async def test_a_thread_that_hangs_is_left_behind_and_waited_for_by_the_next(path):
    """Stopping ends at its deadline; no second writer begins while the first still lives."""
    store = Store(path, drain_deadline=0.05)
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


async def test_a_full_disk_fails_the_group_and_ends_with_it(store):
    """Every caller is told, nothing is stored, and room that was made is used at once."""
    await store.write(partial(add, 1))
    limit = "PRAGMA max_page_count"
    pages = await store.write(lambda conn: conn.exec_driver_sql("PRAGMA page_count").scalar())
    await store.write(lambda conn: conn.exec_driver_sql(f"{limit}={pages + 2}").scalar() and None)

    def fill(conn):
        conn.execute(insert(cameras).values(id="big", name="x" * 100_000))

    results = await store.write_group([partial(add, 2), fill, partial(add, 3)])
    assert [type(result) for result in results] == [StoreUnavailableError] * 3
    assert "full" in store.statistics().last_fault
    assert await store.read(list_ids) == ["001"]
    await store.write(fill)  # a new connection knows no limit
    assert store.statistics().last_fault is None


async def test_a_locked_database_is_waited_for_and_then_reported(path, nursery, monkeypatch):
    """The writer asks for the lock first and waits; when that was in vain, its callers are told."""
    monkeypatch.setattr("hsid.store.connect.BUSY_TIMEOUT_MS", 50)
    store = Store(path)
    await start(nursery, store)
    with open_database(path) as other:
        with other.transaction(), pytest.raises(StoreUnavailableError, match="lock"):
            await store.write(partial(add, 1))
        assert await store.write(partial(add, 1)) == 1


async def test_a_writer_waits_for_its_turn(store, path):
    """A lock that is given up in time costs the caller nothing but the wait."""
    with open_database(path) as other, trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            with other.transaction() as conn:
                nursery.start_soon(store.write, partial(add, 1))
                await trio.testing.wait_all_tasks_blocked(0.05)
                add(2, conn)
    assert await store.read(list_ids) == ["001", "002"]


async def test_corruption_reaches_the_callers_and_ends_the_writer(path, nursery):
    """A damaged file is nothing to wait for: `serve` raises, so that the supervisor escalates."""
    damage_table(path, "cameras")
    store = Store(path)
    results = []

    async def write():
        results.extend(await store.write_group([partial(add, 1)]))

    nursery.start_soon(write)
    with trio.fail_after(20), pytest.raises(StoreCorruptError, match="damaged"):
        await store.serve(ready=lambda: None)
    await trio.testing.wait_all_tasks_blocked()
    assert [type(result) for result in results] == [StoreCorruptError]


def damage_table(path, table):
    with open_database(path) as database, database.transaction() as conn:
        master = text("SELECT rootpage FROM sqlite_master WHERE name = :name")
        page = conn.scalar(master, {"name": table})
        page_size = conn.scalar(text("PRAGMA page_size"))
    with path.open("r+b") as stream:
        stream.seek((page - 1) * page_size)
        stream.write(b"\xff" * page_size)


async def test_a_file_that_is_no_database_is_not_served(path):
    """`serve` says so before it is ready."""
    path.write_bytes(b"a picture, perhaps" * 1000)
    with pytest.raises(StoreCorruptError, match="not a database"):
        await Store(path).serve(ready=pytest.fail)


async def test_no_database_yet_is_a_reason_not_to_read(path):
    """A read before the first writer says so; it makes no empty database."""
    with pytest.raises(StoreUnavailableError, match="opened"):
        await Store(path).read(list_ids)
    assert not path.exists()


async def test_a_reader_cannot_write(store):
    """The connections of readers are read-only, whatever the call tries."""
    with pytest.raises((OperationalError, StoreUnavailableError), match=r"readonly|written"):
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


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
async def test_the_writer_has_the_settings_that_make_commits_durable(store, pragma, value):
    """A log, synced at each commit, foreign keys enforced, and patience with other processes."""
    found = await store.write(lambda conn: conn.scalar(text(f"PRAGMA {pragma}")))
    assert found == value
