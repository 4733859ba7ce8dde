"""From the ledger into the queues, in order.

The ledger is the backlog, a queue holds a window of it. Whatever has arrived is `received` first;
as far as the detection queue has room it is put there, oldest first, and is `queued` from then on.
A closed batch whose uploads wait for a verdict belongs into the analysis queue. So a full queue or
an outage delays, and never overtakes or loses; and what has to make room in a queue that drops ends
in the ledger as dead.
"""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from hsid.messages import AnalysisJob, DetectionJob
from hsid.model import Arrival, Seconds, Upload
from hsid.observe.logging import get_logger
from hsid.queues.protocol import Entry, PutReport
from hsid.queues.sqlite import SqliteQueue, reaching_the_store
from hsid.store import events, uploads
from hsid.store.store import Store

_PORTION = 500
"""Uploads a statement: a large backlog must not hold up the other writers."""

_OVERFLOW = "overflow"
"""What the ledger says of an upload that had to make room."""

_log = get_logger("hsid.feeding")


class Feeder(Protocol):
    """Enters arrivals into the ledger and keeps the queues filled from it."""

    async def receive(self, arrivals: Sequence[Arrival]) -> list[Upload | None]:
        """Enter *arrivals*, and put into the queue what it has room for.

        Returns each upload as stored, None for a version that the ledger knew.

        Raises:
            QueueUnavailableError: Nothing was stored; the same call may be repeated.
        """
        ...

    async def feed(self) -> bool:
        """Put what belongs into a queue; return whether something still waits.

        Raises:
            QueueUnavailableError: Nothing was done; the same call may be repeated.
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
        jobs = [
            AnalysisJob(batch.id, batch.revision) for batch in events.awaiting_verdict(connection)
        ]
        report = self._analysis_queue.put_in(connection, [_entry(job) for job in jobs])
        for entry in report.evicted:
            batch_id = AnalysisJob.from_payload(entry.payload).batch_id
            for upload_id in events.uploads_of(connection, batch_id):
                _bury(connection, upload_id)
        return _has_rejected(report)

    def _restore_in(self, connection: Connection) -> bool:
        jobs = [DetectionJob(upload_id) for upload_id in uploads.queued_ids(connection)]
        report = self._detection_queue.put_in(connection, [_entry(job) for job in jobs])
        _bury_evicted_uploads(connection, report)
        return _has_rejected(report)


def _entry(job: DetectionJob | AnalysisJob) -> Entry:
    return Entry(job.id, job.payload())


def _has_rejected(report: PutReport) -> bool:
    return not all(result.is_stored for result in report.results)


def _bury_evicted_uploads(connection: Connection, report: PutReport) -> None:
    for entry in report.evicted:
        _bury(connection, DetectionJob.from_payload(entry.payload).upload_id)


def _bury(connection: Connection, upload_id: int) -> None:
    uploads.bury(connection, upload_id, _OVERFLOW)
    _log.error("upload_given_up", upload_id=upload_id, error=_OVERFLOW)
