"""The store on a SQLite file: a full disk, other processes, damage."""

from functools import partial

import pytest
import trio
from sqlalchemy import insert, text

from hsid.store.database import open_database
from hsid.store.errors import StoreCorruptError, StoreUnavailableError
from hsid.store.schema import cameras
from hsid.store.store import Store
from tests.integration.store.calls import add, list_ids, start


@pytest.fixture
async def store(path, nursery):
    store = Store(path)
    await start(nursery, store)
    return store


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


async def test_a_stopped_writer_leaves_one_file(path):
    """The last to close empties the log into the file and removes it."""
    store = Store(path)
    async with trio.open_nursery() as nursery:
        await start(nursery, store)
        await store.write(partial(add, 1))
        nursery.cancel_scope.cancel()
    assert [entry.name for entry in path.parent.iterdir()] == ["hsid.db"]


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


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
async def test_the_writer_has_the_settings_that_make_commits_durable(store, pragma, value):
    """A log, synced at each commit, foreign keys enforced, and patience with other processes."""
    found = await store.write(lambda conn: conn.scalar(text(f"PRAGMA {pragma}")))
    assert found == value
