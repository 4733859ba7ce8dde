"""The analyzer: has closed batches judged and stores the events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import trio
from sqlalchemy import Connection

from hsid.ai.analyst import Analyst, Case
from hsid.ai.kinds import main_class
from hsid.ai.severity import SeverityThresholds, severity_of
from hsid.ai.usual import usual_per_day
from hsid.messages import AnalysisJob
from hsid.model import Batch, BatchState, Event, EventState, HourOfWeek, Verdict
from hsid.observe.latency import PipelineMarks
from hsid.observe.logging import bind_ids, get_logger
from hsid.observe.metrics import (
    AiOutcome,
    PipelineError,
    Stage,
    observe_pipeline_latency,
    observe_stage_duration,
    observe_stage_wait,
    record_event_created,
    record_pipeline_error,
    timing_ai_request,
)
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
    marks: PipelineMarks = field(default_factory=PipelineMarks)

    async def run(self, ctx: Context) -> None:
        """Handle entries until asked to stop; the one begun is finished."""
        await self.consumer.serve(self, ctx)

    async def handle(self, lease: Lease) -> Completion:
        """Judge one batch; see `hsid.queues.handling.Handler`."""
        job = AnalysisJob.from_payload(lease.entry.payload)
        case = await self.store.read(partial(self._load, job))
        if case is None:
            return Completion(acks=(Ack(lease),))
        began = trio.current_time()
        self._note_waits(case)
        with bind_ids(batch_id=case.batch.id, camera_id=case.camera.id):
            with timing_ai_request(self.analyst.name, _outcome_of, trio.current_time):
                verdict = await self.analyst.judge(case)
            completion = self._complete(lease, case, verdict)
        observe_stage_duration(Stage.ANALYZE, trio.current_time() - began)
        return completion

    def give_up(self, lease: Lease, error: str) -> Completion:
        """Bury the uploads of a batch that nobody could judge."""
        job = AnalysisJob.from_payload(lease.entry.payload)
        record_pipeline_error(PipelineError.GIVEN_UP)
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

    def _note_waits(self, case: Case) -> None:
        """Note how long the batch waited for its closing, and then for this; once for each."""
        closed = self.marks.closed.take(case.batch.id)
        uploads_of_case = {record.upload_id for record in case.detections}
        detected = [self.marks.detected.take(upload_id) for upload_id in uploads_of_case]
        if closed is None:
            return
        observe_stage_wait(Stage.ANALYZE, self.marks.closed.since(closed))
        last = max((moment for moment in detected if moment is not None), default=None)
        if last is not None:
            observe_stage_wait(Stage.BATCH, closed - last)

    def _complete(self, lease: Lease, case: Case, verdict: Verdict) -> Completion:
        batch, upload_ids = case.batch, {record.upload_id for record in case.detections}
        level = severity_of(verdict.risk_score, self.thresholds())
        event: Event | None = None
        arrived: datetime | None = None

        def store(connection: Connection) -> bool:
            nonlocal event, arrived
            arrived = uploads.first_arrival(connection, upload_ids)
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
                _count(event, arrived)
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


def _count(event: Event, arrived: datetime | None) -> None:
    """Count *event* if it is new; *arrived* is when the first upload came that it is the end of."""
    if event.created_at == event.updated_at:
        record_event_created(event.risk_level)
    if arrived is not None:
        latency = datetime.now(UTC) - arrived
        observe_pipeline_latency(event.camera_id, latency.total_seconds(), event.id)


def _outcome_of(error: BaseException) -> AiOutcome:
    if isinstance(error, trio.Cancelled):
        return AiOutcome.CANCELLED
    record_pipeline_error(PipelineError.ANALYSIS)
    return AiOutcome.ERROR


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
