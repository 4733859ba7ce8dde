"""The store on a PostgreSQL server that fails: effect once, a bounded wait, back by itself."""

import threading
import time
from contextlib import contextmanager
from functools import partial

import psycopg
import pytest
import trio
from sqlalchemy import event, select, text, update

from benchmarks._postgres_server import postgres_server
from hsid.store.database import open_database
from hsid.store.errors import (
    CommitUnknownError,
    ConnectionLostError,
    SchemaOutdatedError,
    StoreUnavailableError,
)
from hsid.store.postgres import PostgresDatabase
from hsid.store.schema import cameras
from hsid.store.store import Store
from tests.integration.store.calls import Gate, add, list_ids, start


@pytest.fixture
def server():
    """A server that may be stopped without spoiling the tests of others."""
    with postgres_server() as server:
        open_database(server.create_database("house"), auto_migrate=True).close()
        yield server


@pytest.fixture
async def store(server, nursery):
    store = Store(server.url("house"))
    await start(nursery, store)
    await store.write(partial(add, 0))
    return store


@pytest.fixture
def url(new_postgres_url):
    return new_postgres_url()


class Once:
    """A call that does *fault* the first time, after it has written; it counts its runs."""

    def __init__(self, fault):
        self.fault = fault
        self.runs = 0

    def __call__(self, conn):
        self.runs += 1
        add(7, conn)
        if self.runs == 1:
            self.fault(conn)
        return self.runs


def raise_state(state, conn):
    conn.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'so' USING ERRCODE = '{state}'; END $$")


def end_own_session(conn):
    conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


async def in_thread(call, *arguments, **options):
    return await trio.to_thread.run_sync(partial(call, *arguments, **options))


@pytest.mark.parametrize(
    "fault", [partial(raise_state, "40001"), partial(raise_state, "40P01"), end_own_session]
)
async def test_what_the_server_undid_is_done_again(url, nursery, fault):
    """A serialization failure, a deadlock, a killed backend: the caller sees a result, no fault."""
    store, call = Store(url), Once(fault)
    await start(nursery, store)
    results = await store.write_group([partial(add, 1), call, partial(add, 2)])
    assert results == [1, 2, 2]
    assert await store.read(list_ids) == ["001", "002", "007"]
    assert store.statistics().failed_commits == 0


def test_a_fault_that_stays_is_told_after_a_while(url):
    """Trying again has an end."""
    with PostgresDatabase(url, patience=0.3) as database:
        with pytest.raises(StoreUnavailableError, match="came first"):
            database.run(partial(raise_state, "40001"))
        assert database.run(list_ids) == []


def test_a_real_deadlock_costs_nobody_a_write(url):
    """Somebody's own session takes two rows the other way round; ours is undone and done again."""
    waiting = threading.Event()
    runs = []
    with open_database(url) as database, psycopg.connect(url) as other:
        database.run(lambda conn: [add(number, conn) for number in (1, 2)])
        other.execute("SET deadlock_timeout = '1min'")  # it looks later, so ours is the victim
        rename(other, "002")

        def take_crosswise():
            waiting.wait(30)
            rename(other, "001")
            other.commit()

        def take(conn):
            runs.append(conn)
            for camera_id in ("001", "002"):
                conn.execute(update(cameras).where(cameras.c.id == camera_id).values(name="ours"))
                waiting.set()

        thread = threading.Thread(target=take_crosswise)
        thread.start()
        database.run(take)
        thread.join()
        names = database.run(lambda conn: set(conn.scalars(select(cameras.c.name))))
    assert (len(runs), names) == (2, {"ours"})


def rename(connection, camera_id):
    connection.execute("UPDATE cameras SET name = 'theirs' WHERE id = %s", [camera_id])


async def test_a_restart_in_mid_write_is_bridged(store, server):
    """The write that ran is done once, on a new connection; its caller has only waited."""
    gate = Gate()

    def write(conn):
        add(1, conn)
        gate(conn)
        return add(2, conn)

    async with trio.open_nursery() as callers:
        callers.start_soon(store.write, write)
        await gate.wait_entered()
        await in_thread(server.restart)
        gate.opened.set()
    assert await store.write(list_ids) == ["000", "001", "002"]
    assert store.statistics().failed_commits == 0


async def test_a_server_that_is_away_is_told_and_comes_back_by_itself(store, server):
    """Nothing is stored, the fault shows; once it is back it does not, though nobody writes."""
    await in_thread(server.stop)
    with trio.fail_after(20), pytest.raises(ConnectionLostError):
        await store.write(partial(add, 1))
    assert "can't be used" in store.statistics().last_fault
    await in_thread(server.start)
    with trio.fail_after(20):
        while store.statistics().last_fault is not None:
            await trio.sleep(0.05)
    assert await store.write(partial(add, 1)) == 1


async def test_a_server_that_comes_late_is_waited_for(server, nursery):
    """The store serves before there is a server, and prepares the database once there is."""
    await in_thread(server.stop)
    store = Store(server.url("house"), prepare=partial(add, 5))
    await start(nursery, store)
    with pytest.raises(StoreUnavailableError):
        await store.read(list_ids)
    await in_thread(server.start)
    with trio.fail_after(20):
        while await store.write(list_ids) != ["005"]:
            await trio.sleep(0.05)


async def test_a_server_that_crashed_and_recovers_is_waited_for(store, server):
    """While it is starting up it says so; that is no reason to give up, nor to think it empty."""
    await in_thread(server.crash)
    await in_thread(server.begin)
    assert await store.write(partial(add, 1)) == 1
    assert await store.read(list_ids) == ["000", "001"]


async def test_connections_that_died_in_the_pool_are_replaced(store, server):
    """All sessions ended behind our back: neither a read nor a write notices."""
    assert await store.read(list_ids) == ["000"]
    assert await in_thread(server.end_sessions, "house") == 2
    assert await store.read(list_ids) == ["000"]
    assert await store.write(partial(add, 1)) == 1


@contextmanager
def breaking_in_commit(database, *, when_done):
    """Cut the next commit's connection, before the server does it or after."""

    def cut(dialect_commit, connection):
        if when_done:
            dialect_commit(connection)
        connection.cursor().connection.close()
        raise psycopg.OperationalError("the connection is gone")

    dialect = database._engine.dialect
    original = dialect.do_commit

    def once(connection):
        dialect.do_commit = original
        cut(original, connection)

    dialect.do_commit = once
    yield
    dialect.do_commit = original


@pytest.mark.parametrize(("when_done", "runs"), [(True, 1), (False, 2)])
def test_a_commit_that_broke_off_is_asked_for(url, when_done, runs):
    """What the server did is not done again, and what it did not do is."""
    call = Once(lambda _conn: None)
    with open_database(url) as database:
        database.run(lambda _conn: None)
        with breaking_in_commit(database, when_done=when_done):
            assert database.run(call) == runs
        assert database.run(list_ids) == ["007"]


def test_a_commit_whose_fate_can_not_be_learnt_is_told_as_such(server):
    """The one fault that does not promise that nothing was stored."""
    with PostgresDatabase(server.url("house"), patience=0.3) as database:
        database.run(lambda _conn: None)

        def stop(_conn):
            event.listen(database._engine, "commit", lambda _conn: server.crash())

        with pytest.raises(CommitUnknownError, match="done or not"):
            database.run(stop)


def test_a_session_that_stands_still_is_ended_before_others_give_up(url):
    """The server's limits are such that a node that hangs never stops the others for good."""
    milliseconds = {}
    with open_database(url) as database, database.transaction() as conn:
        for name in ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout"):
            setting = text("SELECT setting::int FROM pg_settings WHERE name = :name")
            milliseconds[name] = conn.scalar(setting, {"name": name})
    assert 0 < milliseconds["idle_in_transaction_session_timeout"] < milliseconds["lock_timeout"]
    assert milliseconds["lock_timeout"] < milliseconds["statement_timeout"]


def test_a_node_that_was_ended_while_it_stood_still_writes_all_the_same(url):
    """Its session is gone when it goes on; the work is done again, in a new one."""

    def stand_still(conn):
        conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20ms'"))
        time.sleep(0.3)
        list_ids(conn)

    call = Once(stand_still)
    with open_database(url) as database:
        assert database.run(call) == 2
        assert database.run(list_ids) == ["007"]


def test_writers_of_two_nodes_take_turns(url):
    """What one has read is still so when it writes, as the other's call waits for its end."""
    seen = []
    gate = Gate()

    def first(conn):
        gate(conn)
        seen.append(list_ids(conn))
        add(1, conn)

    with open_database(url) as one, open_database(url) as other:
        threads = [threading.Thread(target=one.run, args=[first])]
        threads[0].start()
        gate.entered.wait(30)
        threads.append(threading.Thread(target=other.run, args=[lambda conn: add(2, conn)]))
        threads[1].start()
        time.sleep(0.1)
        gate.opened.set()
        for thread in threads:
            thread.join()
        assert (seen, one.run(list_ids)) == ([[]], ["001", "002"])


async def test_a_schema_that_waits_for_its_migration_ends_the_service(new_postgres_url):
    """The store does not migrate unasked: it says how it is done."""
    store = Store(new_postgres_url("template0"))
    with trio.fail_after(20), pytest.raises(SchemaOutdatedError, match="hsid db migrate"):
        await store.serve(ready=lambda: None)


async def test_more_readers_than_connections_wait_their_turn(url, nursery):
    """The store lets in as many as there are connections: none runs into the pool's limit."""
    store = Store(url, max_readers=2)
    await start(nursery, store)
    async with trio.open_nursery() as readers:
        for _ in range(8):
            readers.start_soon(store.read, lambda conn: conn.execute(text("SELECT pg_sleep(0.02)")))
        await trio.testing.wait_all_tasks_blocked()
        assert store.statistics().reading == 2


async def test_a_server_that_hangs_is_seen_and_waited_for(store, server, monkeypatch):
    """It takes connections and answers nothing: a trouble meanwhile, and no write is lost."""
    monkeypatch.setattr("hsid.store.store._SLOW", 0.1)
    async with trio.open_nursery() as callers:
        with server.frozen(), trio.fail_after(20):
            callers.start_soon(store.write, partial(add, 1))
            while store.statistics().trouble is None:
                await trio.sleep(0.01)
    assert store.statistics().trouble is None
    assert await store.read(list_ids) == ["000", "001"]
