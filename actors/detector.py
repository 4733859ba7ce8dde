"""The detector: has one picture after the other looked at.

Several of them work side by side on one queue. Whose fault a failure is decides what follows: the
picture's, it is refused; the service's being away, it waits and no try is used up; anything else,
it is tried again and at last given up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import trio
from sqlalchemy import Connection

from hsid.ai.detector import (
    Detector,
    DetectorReplyError,
    DetectorTimeoutError,
    DetectorUnavailableError,
    Picture,
)
from hsid.ai.filtering import keep_relevant
from hsid.gpu.pressure import Throttle
from hsid.intake.errors import RootUnavailableError
from hsid.intake.inspector import Inspector
from hsid.messages import DetectionJob
from hsid.mime_types import DEFAULT_IMAGE_MIME
from hsid.model import UNFINISHED_STATES, Detection, DetectionResult, Seconds, Upload
from hsid.observe.latency import PipelineMarks
from hsid.observe.logging import bind_ids, get_logger
from hsid.observe.metrics import (
    AiOutcome,
    PipelineError,
    Stage,
    observe_stage_duration,
    observe_stage_wait,
    record_detection_processed,
    record_pipeline_error,
    timing_ai_request,
)
from hsid.queues.completion import Ack, Bury, Completion, Outcome, Release, Write
from hsid.queues.consumer import Consumer
from hsid.queues.protocol import Lease
from hsid.refusal import RefusedError
from hsid.store import uploads
from hsid.store.store import Store
from supervision import Context

_log = get_logger("actors.detector")


@dataclass(frozen=True, slots=True)
class DetectionPolicy:
    """What of a detector's findings is kept: normalised *classes*, from *threshold* on."""

    classes: frozenset[str]
    threshold: float


class Outage:
    """Says once that something is away, and once that it is back, for all who meet it."""

    def __init__(self) -> None:
        self._is_on = False

    def begins(self, error: Exception) -> None:
        """Note that it is away, because of *error*."""
        if not self._is_on:
            self._is_on = True
            _log.warning("detection_unavailable", error=str(error))

    def ends(self) -> None:
        """Note that it works."""
        if self._is_on:
            self._is_on = False
            _log.warning("detection_available")


@dataclass(frozen=True, slots=True)
class DetectorActor:
    """Works on the entries of *consumer*; *notify* tells the batcher after each upload.

    One serves for all incarnations and all that work side by side.
    """

    consumer: Consumer
    store: Store
    inspector: Inspector
    detector: Detector
    policy: Callable[[], DetectionPolicy]
    """Asked anew for each upload: what is kept may change."""
    notify: Callable[[], None]
    pause: Seconds = 5.0
    """Between two tries while there is no detector, or no folder."""
    outage: Outage = field(default_factory=Outage)
    throttle: Throttle = field(default_factory=Throttle)
    marks: PipelineMarks = field(default_factory=PipelineMarks)

    async def run(self, ctx: Context) -> None:
        """Handle entries until asked to stop; the one begun is finished."""
        await self.consumer.serve(self, ctx)

    async def handle(self, lease: Lease) -> Completion:
        """Detect what one upload shows; see `hsid.queues.handling.Handler`."""
        job = DetectionJob.from_payload(lease.entry.payload)
        upload = await self.store.read(partial(uploads.get, upload_id=job.upload_id))
        if upload is None or upload.state not in UNFINISHED_STATES:
            return Completion(acks=(Ack(lease),))
        began = trio.current_time()
        # By the wall's clock: only the ledger knows of the arrival, which may be long ago.
        waited = datetime.now(UTC) - upload.received_at
        path = upload.version.path
        with bind_ids(upload_id=upload.id, camera_id=upload.camera_id, path=path):
            completion = await self._look(lease, upload)
        if isinstance(completion.acks[0], Ack):  # else it was given back, and waits on
            observe_stage_wait(Stage.DETECT, waited.total_seconds())
            observe_stage_duration(Stage.DETECT, trio.current_time() - began)
        return completion

    def give_up(self, lease: Lease, error: str) -> Completion:
        """Bury an upload whose tries are used up."""
        job = DetectionJob.from_payload(lease.entry.payload)
        _log.error("upload_given_up", upload_id=job.upload_id, error=error)
        record_pipeline_error(PipelineError.GIVEN_UP)
        write = partial(uploads.bury, upload_id=job.upload_id, error=error)
        return Completion((write,), acks=(Bury(lease, error),), on_done=self._tell_batcher)

    async def _look(self, lease: Lease, upload: Upload) -> Completion:
        try:
            content = await self.inspector.read(upload.version)
            mime_type = upload.mime_type or DEFAULT_IMAGE_MIME
            picture = Picture(upload.version.path, content, mime_type)
            result = await self.throttle.run(partial(self._detect, picture))
        except RefusedError as error:
            _log.warning("upload_refused", reason=error.reason, detail=error.detail)
            write: Write = partial(
                uploads.refuse, upload_id=upload.id, reason=error.reason, detail=error.detail
            )
        except (DetectorUnavailableError, RootUnavailableError) as error:
            # The pause is taken here and not by the entry: all others would be tried meanwhile.
            self.outage.begins(error)
            await trio.sleep(self.pause)
            return Completion(acks=(Release(lease),))
        else:
            self.outage.ends()
            return self._record(lease, upload, result)
        return Completion((write,), acks=(Ack(lease),), on_done=self._tell_batcher)

    async def _detect(self, picture: Picture) -> DetectionResult:
        with timing_ai_request(self.detector.name, _outcome_of, trio.current_time):
            return await self.detector.detect(picture)

    def _record(self, lease: Lease, upload: Upload, result: DetectionResult) -> Completion:
        policy = self.policy()
        kept = keep_relevant(result, policy.classes, policy.threshold)
        _log.info(
            "upload_looked_at",
            detector=self.detector.name,
            found=[f"{one.label} {one.confidence:.2f}" for one in kept],
            passed_over=len(result.detections) - len(kept),
        )
        write = partial(_record, upload.id, kept, result.width, result.height, self.detector.name)

        def tell(outcome: Outcome) -> None:
            if not outcome.is_discarded:
                record_detection_processed(len(kept))
                if kept:
                    self.marks.detected.note(upload.id)
            self._tell_batcher(outcome)

        return Completion((write,), acks=(Ack(lease),), on_done=tell)

    def _tell_batcher(self, _: Outcome) -> None:
        self.notify()


def _record(
    upload_id: int,
    kept: tuple[Detection, ...],
    width: int,
    height: int,
    detector: str,
    connection: Connection,
) -> bool:
    return uploads.record_detections(
        connection, upload_id, kept, width=width, height=height, detector=detector
    )


_ERRORS = {
    AiOutcome.UNAVAILABLE: PipelineError.CONNECTION,
    AiOutcome.TIMEOUT: PipelineError.TIMEOUT,
    AiOutcome.MALFORMED: PipelineError.MALFORMED_RESPONSE,
    AiOutcome.ERROR: PipelineError.PROCESSING,
}


def _outcome_of(error: BaseException) -> AiOutcome:
    """Return how a request ended that raised *error*, and count it if it is one of the pipeline."""
    match error:
        case RefusedError():
            outcome = AiOutcome.REFUSED
        case DetectorUnavailableError():
            outcome = AiOutcome.UNAVAILABLE
        case DetectorTimeoutError():
            outcome = AiOutcome.TIMEOUT
        case DetectorReplyError():
            outcome = AiOutcome.MALFORMED
        case trio.Cancelled():
            outcome = AiOutcome.CANCELLED
        case _:
            outcome = AiOutcome.ERROR
    if outcome in _ERRORS:
        record_pipeline_error(_ERRORS[outcome])
    return outcome
