"""The log writer: what it carries, what it does while the store is away, what it tells."""

import logging
from contextlib import asynccontextmanager

import pytest
import trio
from sqlalchemy.exc import DataError

from actors import log_writer
from actors.log_writer import LogWriter
from hsid.observe.logging_database import LineBacklog, LogLine
from hsid.store import logs
from hsid.store.database import open_database
from hsid.store.errors import StoreUnavailableError
from supervision._attention import Attention
from tests.unit.observe.conftest import attach
from tests.unit.observe.log_rig import kept_log
from tests.unit.store.records import at


class Life(Attention):
    """The lifetime of an actor, its supervisor being the test."""

    def ready(self) -> None:
        """Nobody waits for it."""


class Store:
    """A database of its own that fails as the test says; it counts its transactions."""

    def __init__(self, database):
        self.failure = None
        self.writes = 0
        self._database = database

    async def write(self, call):
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        self.writes += 1
        with self._database.transaction() as conn:
            return call(conn)

    @property
    def events(self):
        """The events of the lines that are stored, oldest first."""
        with self._database.transaction() as conn:
            return [each.line.event for each in logs.search(conn, logs.LogQuery(), 9999)][::-1]


@pytest.fixture
def store(tmp_path):
    with open_database(tmp_path / "hsid.db") as database:
        yield Store(database)


@pytest.fixture
def told():
    """What the writer itself logs."""
    with kept_log() as root:
        yield attach(root, is_json=True)


@asynccontextmanager
async def at_work(store, backlog):
    """Run the writer inside the block; then ask it to stop and wait until it has."""
    life = Life()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(LogWriter(store, backlog).run, life)
        yield life
        life.ask_to_stop()


def log(backlog, *events):
    for number, event in enumerate(events):
        backlog.add(LogLine(at(number), logging.INFO, "hsid.test", event, {}), 100)


async def test_lines_are_stored_together_and_in_order(store, autojump_clock):
    """A disk need not wake for each."""
    backlog = LineBacklog()
    async with at_work(store, backlog):
        log(backlog, *"abc")
        await trio.sleep(3)
        assert (store.events, store.writes) == (["a", "b", "c"], 1)


async def test_a_daemon_that_logs_nothing_writes_nothing(store, autojump_clock):
    """An idle house lets its disk sleep."""
    async with at_work(store, LineBacklog()):
        await trio.sleep(3600)
    assert store.writes == 0


async def test_many_lines_are_no_large_transaction(store, autojump_clock):
    """Who writes beside it waits for one part only."""
    backlog = LineBacklog()
    async with at_work(store, backlog):
        log(backlog, *map(str, range(1000)))
        await trio.sleep(3)
    assert store.events == list(map(str, range(1000)))
    assert store.writes == 1000 / log_writer._MOST_AT_ONCE


async def test_what_was_logged_before_the_stop_is_stored(store, autojump_clock):
    """The last lines are the ones that somebody will look for."""
    backlog = LineBacklog()
    async with at_work(store, backlog):
        log(backlog, "last")
    assert store.events == ["last"]


async def test_lines_wait_while_the_store_is_away(store, autojump_clock, told):
    """In their order, for an hour; nothing fails, and nothing is stored twice."""
    backlog = LineBacklog()
    async with at_work(store, backlog):
        store.failure = StoreUnavailableError("away")
        for event in "abc":
            log(backlog, event)
            await trio.sleep(1200)
        store.failure = None
        await trio.sleep(60)
        assert store.events == ["a", "b", "c"]
    assert "log_lines_wait" in told.text


async def test_lines_that_gave_way_are_told_in_the_log_and_in_the_database(
    store, autojump_clock, told
):
    """Whoever reads there sees that there is a gap, and how large it is."""
    backlog = LineBacklog(most_lines=2)
    async with at_work(store, backlog):
        log(backlog, *"abcde")
        await trio.sleep(200)
    assert store.events == ["d", "e", "log_lines_dropped"]
    assert told.text.count("log_lines_dropped") == 1
    assert '"dropped": 3' in told.text


async def test_lines_that_no_database_takes_hold_up_no_others(store, autojump_clock, told):
    """They are counted as dropped."""
    backlog = LineBacklog()
    async with at_work(store, backlog):
        store.failure = DataError("INSERT", {}, ValueError("bad"))
        log(backlog, "bad")
        await trio.sleep(3)
        store.failure = None
        log(backlog, "good")
        await trio.sleep(3)
        assert "good" in store.events
    assert backlog.dropped == 1
    assert "log_lines_refused" in told.text


async def test_a_stop_does_not_wait_for_a_store_that_is_away(store, autojump_clock, told):
    """The daemon ends in time; the lines are in the other places of the log."""
    backlog = LineBacklog()
    store.failure = StoreUnavailableError("away")
    async with at_work(store, backlog):
        log(backlog, "a")
        began = trio.current_time()
    assert trio.current_time() - began < 1
