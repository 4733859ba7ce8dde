"""From the ledger into the queues, in order.

The ledger is the backlog, a queue holds a window of it. Whatever has arrived is `received` first;
as far as the detection queue has room it is put there, oldest first, and is `queued` from then on.
A closed batch whose uploads wait for a verdict belongs into the analysis queue. So a full queue or
an outage delays, and never overtakes or loses; and what has to make room in a queue that drops ends
in the ledger as dead.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import trio
from sqlalchemy import Connection

from hsid.messages import AnalysisJob, DetectionJob
from hsid.model import Arrival, Seconds, Upload
from hsid.observe.logging import get_logger
from hsid.queues.protocol import DurableQueue, Entry, PutReport, QueueUnavailableError
from hsid.queues.sqlite import SqliteQueue, reaching_the_store
from hsid.store import events, uploads
from hsid.store.chunks import chunks
from hsid.store.store import Store

_PORTION = 500
"""Uploads a statement: a large backlog must not hold up the other writers."""

_OVERFLOW = "overflow"
"""What the ledger says of an upload that had to make room."""

_log = get_logger("hsid.feeding")


class Feeder(Protocol):
    """Enters arrivals into the ledger and keeps the queues filled from it."""

    restore_every: Seconds
    """How often to `restore`, besides at the start: a queue apart from the ledger can lose what
    the ledger takes to be queued, without anybody being told."""

    async def receive(self, arrivals: Sequence[Arrival]) -> list[Upload | None]:
        """Enter *arrivals*, and put into the queue what it has room for.

        Returns each upload as stored, None for a version that the ledger knew. A queue that is
        away is no failure: what the ledger has is fed later.

        Raises:
            QueueUnavailableError: The store is away, nothing was stored; the same call may be
                repeated.
        """
        ...

    async def feed(self) -> bool:
        """Put what belongs into a queue; return whether something still waits.

        Raises:
            QueueUnavailableError: Nothing may be assumed; the same call may be repeated.
        """
        ...

    async def restore(self) -> bool:
        """Put again what the ledger says is queued; return whether something still waits.

        What the queue holds already stays as it is.

        Raises:
            QueueUnavailableError: Nothing may be assumed; the same call may be repeated.
        """
        ...


class EmbeddedFeeder:
    """For queues that live in *store*: ledger and queues change in one transaction."""

    restore_every: Seconds = math.inf

    def __init__(
        self,
        store: Store,
        *,
        detection_queue: SqliteQueue,
        analysis_queue: SqliteQueue,
        dedupe_ttl: Seconds,
    ) -> None:
        self._store = store
        self._detection_queue = detection_queue
        self._analysis_queue = analysis_queue
        self._dedupe_ttl = dedupe_ttl

    async def receive(self, arrivals: Sequence[Arrival]) -> list[Upload | None]:
        """Enter *arrivals*; see `Feeder`."""

        def enter(connection: Connection) -> list[Upload | None]:
            stored = uploads.receive(connection, arrivals, dedupe_ttl=self._dedupe_ttl)
            self._feed_uploads_in(connection)
            return stored

        with reaching_the_store():
            stored = await self._store.write(enter)
        self._wake()
        return stored

    async def feed(self) -> bool:
        """Put what belongs into a queue; see `Feeder`."""
        with reaching_the_store():
            waits = await self._store.write(self._feed_in)
        self._wake()
        return waits

    async def restore(self) -> bool:
        """Put again what should be queued; see `Feeder`."""
        with reaching_the_store():
            waits = await self._store.write(self._restore_in)
        self._wake()
        return waits

    def _wake(self) -> None:
        self._detection_queue.wake()
        self._analysis_queue.wake()

    def _feed_in(self, connection: Connection) -> bool:
        uploads_wait = self._feed_uploads_in(connection)
        return self._feed_batches_in(connection) or uploads_wait

    def _feed_uploads_in(self, connection: Connection) -> bool:
        waiting = uploads.backlog(connection, _PORTION)
        if not waiting:
            return False
        jobs = [DetectionJob(upload.id) for upload in waiting]
        report = self._detection_queue.put_in(connection, [_entry(job) for job in jobs])
        fed = [job for job, result in zip(jobs, report.results, strict=True) if result.is_stored]
        for job in fed:
            uploads.mark_queued(connection, job.upload_id)
        _bury_evicted_uploads(connection, report)
        return len(fed) < len(waiting) or len(waiting) == _PORTION

    def _feed_batches_in(self, connection: Connection) -> bool:
        report = self._analysis_queue.put_in(connection, _batches_to_judge(connection))
        _bury_evicted_batches(connection, report)
        return _has_rejected(report)

    def _restore_in(self, connection: Connection) -> bool:
        jobs = [DetectionJob(upload_id) for upload_id in uploads.queued_ids(connection)]
        report = self._detection_queue.put_in(connection, [_entry(job) for job in jobs])
        _bury_evicted_uploads(connection, report)
        return _has_rejected(report)


class OrderedFeeder:
    """For queues beside the store: the ledger first, then the queue, then the ledger's note of it.

    A crash between two of them repeats a put, and a put is idempotent. One round at a time.
    *on_postponed* is called when arrivals are in the ledger only, as the queue was away.
    """

    restore_every: Seconds = 60.0

    def __init__(
        self,
        store: Store,
        *,
        detection_queue: DurableQueue,
        analysis_queue: DurableQueue,
        dedupe_ttl: Seconds,
        on_postponed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._detection_queue = detection_queue
        self._analysis_queue = analysis_queue
        self._dedupe_ttl = dedupe_ttl
        self._on_postponed = on_postponed
        self._turn = trio.Lock()

    async def receive(self, arrivals: Sequence[Arrival]) -> list[Upload | None]:
        """Enter *arrivals*; see `Feeder`."""
        enter = partial(uploads.receive, arrivals=arrivals, dedupe_ttl=self._dedupe_ttl)
        with reaching_the_store():
            stored = await self._store.write(enter)
        try:
            async with self._turn:
                await self._feed_uploads()
        except QueueUnavailableError as error:
            _log.warning("feeding_postponed", error=str(error))
            self._on_postponed()
        return stored

    async def feed(self) -> bool:
        """Put what belongs into a queue; see `Feeder`."""
        async with self._turn:
            uploads_wait = await self._feed_uploads()
            return await self._feed_batches() or uploads_wait

    async def restore(self) -> bool:
        """Put again what should be queued; see `Feeder`."""
        async with self._turn:
            with reaching_the_store():
                queued = await self._store.read(uploads.queued_ids)
            reports = [await self._put_uploads(portion) for portion in chunks(queued)]
            return any(map(_has_rejected, reports))

    async def _feed_uploads(self) -> bool:
        with reaching_the_store():
            waiting = await self._store.read(partial(uploads.backlog, limit=_PORTION))
        if not waiting:
            return False
        report = await self._put_uploads([upload.id for upload in waiting])
        return _has_rejected(report) or len(waiting) == _PORTION

    async def _put_uploads(self, upload_ids: Sequence[int]) -> PutReport:
        """Put *upload_ids* into the queue, and note in the ledger what came of it."""
        report = await self._detection_queue.put([_entry(DetectionJob(n)) for n in upload_ids])

        def note(connection: Connection) -> None:
            for upload_id, result in zip(upload_ids, report.results, strict=True):
                if result.is_stored:
                    uploads.mark_queued(connection, upload_id)
            _bury_evicted_uploads(connection, report)

        with reaching_the_store():
            await self._store.write(note)
        return report

    async def _feed_batches(self) -> bool:
        with reaching_the_store():
            entries = await self._store.read(_batches_to_judge)
        report = await self._analysis_queue.put(entries)
        if report.evicted:
            with reaching_the_store():
                await self._store.write(partial(_bury_evicted_batches, report=report))
        return _has_rejected(report)


def _batches_to_judge(connection: Connection) -> list[Entry]:
    batches = events.awaiting_verdict(connection)
    return [_entry(AnalysisJob(batch.id, batch.revision)) for batch in batches]


def _entry(job: DetectionJob | AnalysisJob) -> Entry:
    return Entry(job.id, job.payload())


def _has_rejected(report: PutReport) -> bool:
    return not all(result.is_stored for result in report.results)


def _bury_evicted_uploads(connection: Connection, report: PutReport) -> None:
    for entry in report.evicted:
        _bury(connection, DetectionJob.from_payload(entry.payload).upload_id)


def _bury_evicted_batches(connection: Connection, report: PutReport) -> None:
    for entry in report.evicted:
        batch_id = AnalysisJob.from_payload(entry.payload).batch_id
        for upload_id in events.uploads_of(connection, batch_id):
            _bury(connection, upload_id)


def _bury(connection: Connection, upload_id: int) -> None:
    uploads.bury(connection, upload_id, _OVERFLOW)
    _log.error("upload_given_up", upload_id=upload_id, error=_OVERFLOW)
