"""From the ledger into the detection queue, in order of arrival.

The ledger is the backlog, the queue holds a window of it. Whatever has arrived is `received` first;
as far as the queue has room it is put there, oldest first, and is `queued` from then on. So a full
queue or an outage delays, and never overtakes or loses.
"""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from hsid.messages import AnalysisJob, DetectionJob
from hsid.model import Arrival, Seconds, Upload
from hsid.queues.protocol import Entry
from hsid.queues.sqlite import SqliteQueue, reaching_the_store
from hsid.store import events, uploads
from hsid.store.store import Store

_PORTION = 500
"""Uploads a statement: a large backlog must not hold up the other writers."""


class Feeder(Protocol):
    """Enters arrivals into the ledger and keeps the queues filled from it."""

    async def receive(self, arrivals: Sequence[Arrival]) -> list[Upload | None]:
        """Enter *arrivals*, and put into the queue what it has room for.

        Returns each upload as stored, None for a version that the ledger knew.

        Raises:
            QueueUnavailableError: Nothing was stored; the same call may be repeated.
        """
        ...

    async def feed(self) -> int:
        """Put uploads that wait for room; return how many found it, at most a portion.

        Raises:
            QueueUnavailableError: Nothing was done; the same call may be repeated.
        """
        ...

    async def restore(self) -> int:
        """Put again what the ledger says is queued; what the queues hold already stays as it is.

        Returns how many entries the queues had no room for.

        Raises:
            QueueUnavailableError: Nothing may be assumed; the same call may be repeated.
        """
        ...


class EmbeddedFeeder:
    """For queues that live in *store*: ledger and queue change in one transaction."""

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
            self._feed_in(connection)
            return stored

        with reaching_the_store():
            stored = await self._store.write(enter)
        self._detection_queue.wake()
        return stored

    async def feed(self) -> int:
        """Put uploads that wait for room; see `Feeder`."""
        with reaching_the_store():
            fed = await self._store.write(self._feed_in)
        if fed:
            self._detection_queue.wake()
        return fed

    async def restore(self) -> int:
        """Put again what should be queued; see `Feeder`."""
        with reaching_the_store():
            rejected = await self._store.write(self._restore_in)
        self._detection_queue.wake()
        self._analysis_queue.wake()
        return rejected

    def _feed_in(self, connection: Connection) -> int:
        waiting = uploads.backlog(connection, _PORTION)
        if not waiting:
            return 0
        jobs = [DetectionJob(upload.id) for upload in waiting]
        report = self._detection_queue.put_in(connection, [_entry(job) for job in jobs])
        fed = [job for job, result in zip(jobs, report.results, strict=True) if result.is_stored]
        for job in fed:
            uploads.mark_queued(connection, job.upload_id)
        for entry in report.evicted:
            evicted = DetectionJob.from_payload(entry.payload)
            uploads.bury(connection, evicted.upload_id, "overflow")
        return len(fed)

    def _restore_in(self, connection: Connection) -> int:
        detections = [DetectionJob(upload_id) for upload_id in uploads.queued_ids(connection)]
        analyses = [
            AnalysisJob(batch.id, batch.revision)
            for batch in events.closed_without_event(connection)
        ]
        reports = (
            self._detection_queue.put_in(connection, [_entry(job) for job in detections]),
            self._analysis_queue.put_in(connection, [_entry(job) for job in analyses]),
        )
        return sum(not result.is_stored for report in reports for result in report.results)


def _entry(job: DetectionJob | AnalysisJob) -> Entry:
    return Entry(job.id, job.payload())
