"""The analyzer: has closed batches judged and stores the events."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from hsid.ai.analyst import Analyst, Case
from hsid.ai.kinds import main_class
from hsid.ai.severity import SeverityThresholds, severity_of
from hsid.ai.usual import usual_per_day
from hsid.messages import AnalysisJob
from hsid.model import Batch, BatchState, Event, EventState, HourOfWeek, Verdict
from hsid.observe.logging import bind_ids, get_logger
from hsid.queues.completion import Ack, Bury, Completion, Outcome
from hsid.queues.consumer import Consumer
from hsid.queues.protocol import Lease
from hsid.store import baselines, batches, events, uploads
from hsid.store.store import Store
from supervision import Context

_log = get_logger("actors.analyzer")


@dataclass(frozen=True, slots=True)
class Analyzer:
    """Works on the entries of *consumer*. *timezone* is the house's; None: this machine's.

    *announce* is called with each event once it is stored.
    """

    consumer: Consumer
    store: Store
    analyst: Analyst
    thresholds: Callable[[], SeverityThresholds]
    """Asked anew for each batch: they may change."""
    timezone: str | None
    announce: Callable[[Event], None] = lambda _: None

    async def run(self, ctx: Context) -> None:
        """Handle entries until asked to stop; the one begun is finished."""
        await self.consumer.serve(self, ctx)

    async def handle(self, lease: Lease) -> Completion:
        """Judge one batch; see `hsid.queues.handling.Handler`."""
        job = AnalysisJob.from_payload(lease.entry.payload)
        case = await self.store.read(partial(self._load, job))
        if case is None:
            return Completion(acks=(Ack(lease),))
        with bind_ids(batch_id=case.batch.id, camera_id=case.camera.id):
            return self._complete(lease, case, await self.analyst.judge(case))

    def give_up(self, lease: Lease, error: str) -> Completion:
        """Bury the uploads of a batch that nobody could judge."""
        job = AnalysisJob.from_payload(lease.entry.payload)
        write = partial(_bury, job, error)
        return Completion((write,), acks=(Bury(lease, error),))

    def _load(self, job: AnalysisJob, connection: Connection) -> Case | None:
        """Return what there is to judge, None where *job* is out of date."""
        found = batches.load_case(connection, job.batch_id)
        if found is None or not found[2] or not _is_due(found[0], job):
            return None
        batch, camera, detections = found
        name = camera.timezone or self.timezone
        local = batch.started_at.astimezone(ZoneInfo(name) if name else None)
        label = main_class(detections)
        baseline = baselines.get(connection, camera.id, label, HourOfWeek.of(local))
        return Case(batch, camera, local, detections, usual_per_day(baseline))

    def _complete(self, lease: Lease, case: Case, verdict: Verdict) -> Completion:
        batch, upload_ids = case.batch, {record.upload_id for record in case.detections}
        level = severity_of(verdict.risk_score, self.thresholds())
        event: Event | None = None

        def store(connection: Connection) -> bool:
            nonlocal event
            new = baselines.not_counted(connection, batch.id, upload_ids)
            event = events.store_verdict(
                connection,
                batch,
                verdict,
                revision=batch.revision,
                level=level,
                state=EventState.FINAL,
                upload_ids=upload_ids,
            )
            if event is not None:
                baselines.count(connection, batch.camera_id, new, HourOfWeek.of(case.started_local))
            return event is not None

        def tell(_: Outcome) -> None:
            if event is not None:
                self.announce(event)

        _log.info(
            "batch_judged",
            revision=batch.revision,
            analyst=verdict.analyst,
            risk_score=verdict.risk_score,
            risk_level=level,
            summary=verdict.summary,
        )
        return Completion((store,), acks=(Ack(lease),), on_done=tell)


def _is_due(batch: Batch, job: AnalysisJob) -> bool:
    """Tell whether the revision that *job* is about is the latest, and finished."""
    return batch.state is BatchState.CLOSED and batch.revision == job.revision


def _bury(job: AnalysisJob, error: str, connection: Connection) -> bool:
    buried = [
        upload_id
        for upload_id in events.uploads_of(connection, job.batch_id)
        if uploads.bury(connection, upload_id, error)
    ]
    _log.error("uploads_given_up", batch_id=job.batch_id, upload_ids=buried, error=error)
    return bool(buried)
