"""A consumer over the real store, on the real clock: the ledger's writes and the queue together."""

import threading
from functools import partial

import pytest
import trio
from sqlalchemy import text
from trio.testing import wait_all_tasks_blocked

from hsid.constants import DETECTION_QUEUE
from hsid.queues.completer import EmbeddedCompleter
from hsid.queues.completion import Ack, Bury, Completion
from hsid.queues.consumer import Consumer
from hsid.queues.protocol import Entry
from hsid.queues.retry import RetryPolicy
from hsid.queues.sqlite import SqliteQueue
from hsid.store.store import Store
from tests.trio.queues.consumer_bench import Life


def insert(connection, name):
    """Write a row once: a second time finds it there and is not due."""
    statement = text("INSERT INTO cameras (id, name) VALUES (:n, :n) ON CONFLICT DO NOTHING")
    return connection.execute(statement, {"n": name}).rowcount == 1


class Cataloguer:
    """A handler that writes a row for each entry; one called poison always raises."""

    async def handle(self, lease):
        if lease.entry.id == "poison":
            raise ValueError("poison")
        return Completion((partial(insert, name=lease.entry.id),), (), (Ack(lease),))

    def give_up(self, lease, error):
        return Completion((partial(insert, name="given up"),), (), (Bury(lease, error),))


async def catalogued(store):
    return await store.read(
        lambda connection: set(connection.execute(text("SELECT id FROM cameras")).scalars())
    )


class Daemon:
    """One process's consumer with its actors over a database file."""

    def __init__(self, path):
        self.store = Store(path)
        self.queue = SqliteQueue(self.store, DETECTION_QUEUE)
        self.consumer = Consumer(
            self.queue,
            EmbeddedCompleter(self.store, [self.queue]),
            max_deliveries=2,
            retry=RetryPolicy(first=0.001, longest=0.001),
        )

    async def open(self, nursery):
        opened = trio.Event()
        nursery.start_soon(partial(self.store.serve, ready=opened.set))
        await opened.wait()

    async def work(self, nursery, handlers=2):
        nursery.start_soon(self.consumer.run_committer, Life())
        nursery.start_soon(self.consumer.run_pump, Life())
        for _ in range(handlers):
            nursery.start_soon(self.consumer.serve, Cataloguer(), Life())

    async def wait_settled(self):
        while (await self.queue.stats()).depth:
            await trio.sleep(0.005)


@pytest.fixture
async def daemon(tmp_path, nursery):
    daemon = Daemon(tmp_path / "hsid.db")
    await daemon.open(nursery)
    return daemon


async def test_every_entry_has_its_row_and_poison_its_letter(daemon, nursery):
    """The whole way over the real database, poison included."""
    names = {f"e{number}" for number in range(50)}
    with trio.fail_after(30):
        await daemon.queue.put([Entry(name, {}) for name in [*names, "poison"]])
        await daemon.work(nursery)
        await daemon.wait_settled()

    assert await catalogued(daemon.store) == {*names, "given up"}
    assert [letter.begun for letter in await daemon.queue.dead_letters()] == [2]


async def test_a_put_reaches_an_idle_handler_without_waiting_for_a_poll(daemon, nursery):
    """Put after put arrives long before a look by the clock would have found it."""
    await daemon.work(nursery)
    await trio.sleep(0.1)
    start = trio.current_time()
    with trio.fail_after(30):
        for number in range(20):
            await daemon.queue.put([Entry(f"e{number}", {})])
            await daemon.wait_settled()

    assert trio.current_time() - start < 20 * 1.0  # a look by the clock comes every 2 s


async def test_a_retry_wakes_the_pump_at_its_time(daemon, nursery):
    """A delay shorter than the pump's wait is kept by the deadline of the entry itself."""
    await daemon.queue.put([Entry("a", {})])
    (lease,) = await daemon.queue.lease(1, duration=60)
    await daemon.queue.retry(lease, delay=0.2, error="boom")
    await daemon.work(nursery)
    start = trio.current_time()
    with trio.fail_after(30):
        await daemon.wait_settled()

    assert trio.current_time() - start < 1.5


async def test_what_a_dead_process_held_is_done_once_by_the_next(tmp_path, nursery):
    """One entry was written and not acknowledged, one only leased: each has one row."""
    async with trio.open_nursery() as first:
        dead = Daemon(tmp_path / "hsid.db")
        await dead.open(first)
        await dead.queue.put([Entry(name, {}) for name in ("written", "leased", "ready")])
        await dead.queue.lease(2, duration=60)
        await dead.store.write(partial(insert, name="written"))
        first.cancel_scope.cancel()

    daemon = Daemon(tmp_path / "hsid.db")
    await daemon.open(nursery)
    with trio.fail_after(30):
        await daemon.work(nursery)
        await daemon.wait_settled()

    assert await catalogued(daemon.store) == {"written", "leased", "ready"}
    assert daemon.consumer.statistics().discarded == 1


async def test_leases_taken_while_being_cancelled_are_returned(daemon, nursery):
    """No entry is held by nobody: a cancelled lease tells what it has taken."""
    await daemon.queue.put([Entry("a", {})])
    go, leases = threading.Event(), []
    nursery.start_soon(daemon.store.write, lambda _connection: go.wait(10))

    async def lease():
        with scope:
            leases.extend(await daemon.queue.lease(1, duration=60))

    scope = trio.CancelScope()
    async with trio.open_nursery() as inner:
        inner.start_soon(lease)
        await wait_all_tasks_blocked()
        scope.cancel()
        await wait_all_tasks_blocked()
        go.set()

    assert [each.entry.id for each in leases] == ["a"]
