"""While a detector or an analyst works, for however long, nothing of ours is open in the database.

A transaction that is kept open would hold locks on a server, and on SQLite keep the log growing.
"""

import sqlite3
from contextlib import closing
from functools import partial

import pytest
import trio

from actors.analyzer import Analyzer
from actors.detector import DetectionPolicy, DetectorActor
from hsid.ai.rules import RuleAnalyst
from hsid.ai.severity import SeverityThresholds
from hsid.batching import CloseBatch, StartBatch
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.intake.inspection import Limits
from hsid.intake.inspector import Inspector
from hsid.messages import AnalysisJob, DetectionJob
from hsid.model import DetectionResult
from hsid.notices import Notice
from hsid.queues.protocol import Entry, Lease
from hsid.store import batches, uploads
from hsid.store.connect import database_path
from hsid.store.database import is_postgresql, reader_for_service
from hsid.store.store import Store
from tests.unit.store.records import at, sight


@pytest.fixture
async def store(database_url, nursery):
    store, opened = Store(database_url), trio.Event()
    nursery.start_soon(partial(store.serve, ready=opened.set))
    await opened.wait()
    return store


@pytest.fixture
def open_sessions(request, database_url):
    """Return a function that counts the transactions which are open in the database."""
    if is_postgresql(database_url):
        server, name = request.getfixturevalue("postgres"), database_url.rpartition("/")[2]
        open_ones = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND xact_start IS NOT NULL"
        )
        return lambda: server.execute(open_ones, [name])[0][0]
    return lambda: is_in_use(database_path(database_url))


def is_in_use(path):
    """Tell whether anybody reads or writes: emptying the log is refused then."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
        other.execute("UPDATE cameras SET name = name WHERE false")
        (is_refused, *_) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return is_refused


class Slow:
    """A detector and an analyst that work until they are told to end."""

    name = "slow"

    def __init__(self):
        self.called, self.may_end = trio.Event(), trio.Event()

    async def detect(self, _picture):
        await self._work()
        return DetectionResult((), 64, 48)

    async def judge(self, case):
        await self._work()
        return await RuleAnalyst().judge(case)

    async def _work(self):
        self.called.set()
        await self.may_end.wait()


def lease(queue, job):
    return Lease(queue, Entry(job.id, job.payload()), "token", 0, is_redelivered=False)


async def sessions_during(slow, handling, open_sessions):
    """Return how many are open while *slow* works for *handling*, and what came of it."""
    completions = []

    async def handle():
        completions.append(await handling())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(handle)
        with trio.fail_after(20):
            await slow.called.wait()
        found = await trio.to_thread.run_sync(open_sessions)
        slow.may_end.set()
    return found, completions[0]


async def test_none_is_open_during_a_call_to_the_detector(store, open_sessions, tmp_path, picture):
    """The upload was read in one, and what is found will be written in another."""
    (tmp_path / "cameras" / "front").mkdir(parents=True)
    (tmp_path / "cameras" / "front" / "a.jpg").write_bytes(picture())
    inspector = Inspector(tmp_path / "cameras", Limits(1 << 22, 50_000_000))
    (look,) = await inspector.look([b"front/a.jpg"])
    arrival = await inspector.inspect(b"front/a.jpg", look.stamp)
    (upload,) = await store.write(partial(uploads.receive, arrivals=[arrival], dedupe_ttl=300))
    slow, policy = Slow(), partial(DetectionPolicy, frozenset(), 0.5)
    actor = DetectorActor(None, store, inspector, slow, policy, Notice().give)

    handling = partial(actor.handle, lease(DETECTION_QUEUE, DetectionJob(upload.id)))
    found, completion = await sessions_during(slow, handling, open_sessions)

    assert not found
    assert await store.write(completion.writes[0])


def closed_batch(conn):
    upload_id, moment = sight(conn, 1), at(0)
    start = StartBatch("b1", (upload_id,), moment, moment)
    batches.apply(conn, "gate", [start, CloseBatch("b1", 1)])


async def test_none_is_open_during_a_call_to_the_analyst(store, open_sessions):
    """The case was read in one, and the verdict will be written in another."""
    await store.write(closed_batch)
    slow = Slow()
    actor = Analyzer(None, store, slow, SeverityThresholds, "UTC")

    handling = partial(actor.handle, lease(ANALYSIS_QUEUE, AnalysisJob("b1", 1)))
    found, completion = await sessions_during(slow, handling, open_sessions)

    assert not found
    assert await store.write(completion.writes[0])


async def test_one_that_is_open_would_be_found(store, open_sessions, database_url):
    """The count counts: a reader that keeps its snapshot is seen."""
    with reader_for_service(database_url, max_readers=1) as reader:
        with reader.snapshot() as conn:
            uploads.accounting(conn)
            assert open_sessions()
        assert not open_sessions()
