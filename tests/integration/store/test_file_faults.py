"""A SQLite file that others lock, that can't be written to, or that is damaged."""

import sqlite3
import threading
from contextlib import closing
from functools import partial

import pytest
import trio
from sqlalchemy import insert, select, update

from hsid.store.database import look_for_damage, open_database, reader_for_service
from hsid.store.errors import StoreCorruptError, StoreUnavailableError
from hsid.store.schema import cameras
from hsid.store.store import Store
from tests.integration.store.calls import add, list_ids, start

WRITERS, ROUNDS = 2, 25


@pytest.fixture
async def store(path, nursery):
    store = Store(path)
    await start(nursery, store)
    return store


def count_up(conn):
    """Read and then write what was read: in a deferred transaction this fails at once."""
    name = conn.scalar(select(cameras.c.name).where(cameras.c.id == "count"))
    conn.execute(update(cameras).values(name=str(int(name) + 1)))


def count_up_often(path):
    with open_database(path) as database:
        for _ in range(ROUNDS):
            database.run(count_up)


def lock_now_and_then(path, done):
    """Somebody's own session with the file, which takes the write lock again and again."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
        while not done.wait(0.005):
            other.execute("BEGIN IMMEDIATE")
            done.wait(0.02)
            other.execute("ROLLBACK")


def test_writers_that_read_first_lose_nothing_beside_a_reader_and_a_foreign_lock(path):
    """Each takes the lock before it reads and waits for it: none fails, none overwrites another."""
    with open_database(path) as database:
        database.run(lambda conn: conn.execute(insert(cameras).values(id="count", name="0")))
        done = threading.Event()
        others = [threading.Thread(target=lock_now_and_then, args=[path, done])]
        writers = [threading.Thread(target=count_up_often, args=[path]) for _ in range(WRITERS)]
        with reader_for_service(path, max_readers=1) as reader, reader.snapshot() as long_look:
            before = long_look.scalar(select(cameras.c.name))
            for thread in (*others, *writers):
                thread.start()
            for thread in writers:
                thread.join()
            done.set()
            others[0].join()
            assert (before, long_look.scalar(select(cameras.c.name))) == ("0", "0")
        assert database.run(lambda conn: conn.scalar(select(cameras.c.name))) == str(
            WRITERS * ROUNDS
        )


async def test_a_wait_for_a_foreign_lock_can_be_seen(store, path, monkeypatch):
    """While it lasts it is a trouble, and reads are served; then it is none, and all is stored."""
    monkeypatch.setattr("hsid.store.store._SLOW", 0.05)
    assert store.statistics().trouble is None
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with trio.open_nursery() as callers:
            callers.start_soon(store.write, partial(add, 1))
            with trio.fail_after(20):
                while store.statistics().trouble is None:
                    await trio.sleep(0.01)
            assert "another process holds its write lock" in store.statistics().trouble
            assert await store.read(list_ids) == []
            other.execute("ROLLBACK")
    assert store.statistics().trouble is None
    assert await store.read(list_ids) == ["001"]


async def test_a_file_that_became_read_only_is_told_and_used_again_by_itself(store):
    """As after an error of the disk: nothing of the group is stored, and the next try is fresh."""
    await store.write(lambda conn: conn.exec_driver_sql("PRAGMA query_only=1") and None)
    results = await store.write_group([partial(add, 1), partial(add, 2)])
    assert [type(result) for result in results] == [StoreUnavailableError] * 2
    assert "can't be written" in store.statistics().trouble
    assert await store.write(partial(add, 1)) == 1
    assert (await store.read(list_ids), store.statistics().trouble) == (["001"], None)


def spoil(path, *, every=1):
    """Write over the head of every page but the first ones, as a broken disk might."""
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        for page in range(3, path.stat().st_size // size, every):
            file.seek(page * size)
            file.write(b"\xff" * 64)


def test_damage_is_found_at_the_start(path):
    """Before anything is written: not even a migration."""
    open_database(path).close()
    assert look_for_damage(path, within=60)
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StoreCorruptError, match="put a backup in its place"):
        look_for_damage(path, within=60)
    assert path.read_bytes() == before


def test_a_look_for_damage_ends_in_time(path, monkeypatch):
    """A large file is looked at in part: the start does not wait for it."""
    with open_database(path) as database, database.transaction() as conn:
        conn.execute(insert(cameras), [{"id": f"{n}", "name": "x" * 400} for n in range(100_000)])
    monkeypatch.setattr("hsid.store.sqlite._INTERRUPT_AGAIN", 0.001)
    assert not look_for_damage(path, within=0.001)
    assert look_for_damage(path, within=60)


def test_no_file_is_as_good_as_a_sound_one(path):
    """The first start of all finds none, and the look makes none."""
    assert look_for_damage(path, within=1)
    assert not path.exists()


async def test_damage_that_a_reader_meets_ends_the_writer_too(path, nursery):
    """Nothing goes on on a damaged file because only pages that are read are spoilt."""
    with open_database(path) as database:
        database.run(partial(add, 1))
    spoil(path)
    store, ended = Store(path), []

    async def serve():
        try:
            await store.serve(ready=lambda: None)
        except StoreCorruptError as error:
            ended.append(error)

    async with trio.open_nursery() as tasks:
        tasks.start_soon(serve)
        with pytest.raises(StoreCorruptError):
            await store.read(list_ids)
    assert "damaged" in str(ended[0])
