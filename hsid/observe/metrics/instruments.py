"""What is counted and timed as it happens, and the functions that do so.

Each call adds to a few numbers in memory: no lock is held for long, nothing waits, nothing raises
over a value that it is given. What can be read from the daemon's state is not here, but in
`hsid.observe.metrics.state`: that is looked at when somebody asks.

Values of labels are bounded: services and stages by the program, cameras and kinds of errors by
`hsid.observe.metrics.labels`.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.model import Seconds, Severity
from hsid.observe.latency import LatencyStage, record_pipeline_stage_latency
from hsid.observe.metrics.labels import MOST_CAMERAS, OTHER, BoundedLabel
from supervision import Event, EventSink

# When a series began is noise that doubles the page; Prometheus does not need it.
disable_created_metrics()

REGISTRY = CollectorRegistry(auto_describe=True)
"""The instruments of this process, and what the operating system says of it."""
ProcessCollector(registry=REGISTRY)

STAGE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
"""From one picture on an idle machine to the longest wait of a batch, 90 + 120 seconds."""
AI_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
"""With an edge at the usual timeouts of a detector and of a language model: 60 and 120 seconds."""
PIPELINE_BUCKETS = (1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300)
"""With an edge at the settings' times: idle 30, window 90, both 120, and what may be late."""


class Stage(StrEnum):
    """A step of the pipeline."""

    DETECT = "detect"
    BATCH = "batch"
    ANALYZE = "analyze"


class AiOutcome(StrEnum):
    """How a request to a detector or an analyst ended."""

    OK = "ok"
    REFUSED = "refused"
    """It said that the picture can't be read."""
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    """The answer was outside of the contract."""
    CANCELLED = "cancelled"
    """Nobody waited for the answer any more."""
    ERROR = "error"


class PipelineError(StrEnum):
    """What went wrong in the pipeline. Uploads that are refused are not errors of it."""

    CONNECTION = "connection_error"
    TIMEOUT = "timeout_error"
    MALFORMED_RESPONSE = "malformed_response"
    ANALYSIS = "analysis_error"
    PROCESSING = "processing_error"
    STORE_UNAVAILABLE = "store_unavailable"
    ARRIVAL_NOT_STORED = "arrival_not_stored"
    GIVEN_UP = "given_up"
    OTHER = OTHER


_QUEUE_DEPTHS = {
    "detection": Gauge(
        "hsi_detection_queue_depth",
        "Uploads in the detection queue that are not done; NaN while it can't be reached.",
        registry=REGISTRY,
    ),
    "analysis": Gauge(
        "hsi_analysis_queue_depth",
        "Batches in the analysis queue that are not done; NaN while it can't be reached.",
        registry=REGISTRY,
    ),
}
_SHORT_NAMES = {DETECTION_QUEUE: "detection", ANALYSIS_QUEUE: "analysis"}
_STAGE_DURATION = Histogram(
    "hsi_stage_duration_seconds",
    "Time that a stage worked on one upload (detect), camera (batch) or batch (analyze).",
    ("stage",),
    buckets=STAGE_BUCKETS,
    registry=REGISTRY,
)
_STAGE_WAIT = Histogram(
    "hsi_stage_wait_seconds",
    "Time that work waited before a stage: from the stage before, or the arrival of the upload.",
    ("stage",),
    buckets=STAGE_BUCKETS,
    registry=REGISTRY,
)
_AI_REQUEST_DURATION = Histogram(
    "hsi_ai_request_duration_seconds",
    "Time that a detector took over a picture, or an analyst over a batch, by how it ended.",
    ("service", "outcome"),
    buckets=AI_BUCKETS,
    registry=REGISTRY,
)
_PIPELINE_LATENCY = Histogram(
    "hsi_pipeline_latency_seconds",
    "Time from the arrival of a batch's first upload to its event. Exemplars name the event.",
    ("camera",),
    buckets=PIPELINE_BUCKETS,
    registry=REGISTRY,
)
_EVENTS_CREATED = Counter(
    "hsi_events_created_total", "Events that were new, not new verdicts on them.", registry=REGISTRY
)
_EVENTS_BY_LEVEL = Counter(
    "hsi_events_by_risk_level_total", "New events by their level.", ("level",), registry=REGISTRY
)
_DETECTIONS_PROCESSED = Counter(
    "hsi_detections_processed_total", "Objects found and kept.", registry=REGISTRY
)
_PIPELINE_ERRORS = Counter(
    "hsi_pipeline_errors_total",
    "Errors of the pipeline; most are mended by another try.",
    ("error_type",),
    registry=REGISTRY,
)
_UPLOADS_RECEIVED = Counter(
    "hsi_uploads_received_total",
    "Uploads that this node took into the ledger.",
    ("camera",),
    registry=REGISTRY,
)
_BATCHES_CLOSED = Counter(
    "hsi_batches_closed_total", "Closings of batches, reopened ones included.", registry=REGISTRY
)
_RETENTION_ROUNDS = Counter(
    "hsi_retention_rounds_total",
    "Rounds of retention: done, standstill (nothing may go), postponed (the database was away).",
    ("outcome",),
    registry=REGISTRY,
)
_RETENTION_DELETED = Counter(
    "hsi_retention_deleted_total",
    "Things that retention has deleted.",
    ("kind",),
    registry=REGISTRY,
)
_SUPERVISION_EVENTS = Counter(
    "hsi_supervision_events_total",
    "Events of the supervision tree.",
    ("event",),
    registry=REGISTRY,
)
_RELOAD_SUCCESSFUL = Gauge(
    "hsi_config_last_reload_successful",
    "1 if the configuration could be used when it was last read, else 0.",
    registry=REGISTRY,
)
_RELOAD_TIME = Gauge(
    "hsi_config_last_reload_success_timestamp_seconds",
    "When a configuration was last put to use.",
    registry=REGISTRY,
)

INSTRUMENTS = (
    *_QUEUE_DEPTHS.values(),
    *(_STAGE_DURATION, _STAGE_WAIT, _AI_REQUEST_DURATION, _PIPELINE_LATENCY),
    *(_EVENTS_CREATED, _EVENTS_BY_LEVEL, _DETECTIONS_PROCESSED, _PIPELINE_ERRORS),
    *(_UPLOADS_RECEIVED, _BATCHES_CLOSED, _RETENTION_ROUNDS, _RETENTION_DELETED),
    *(_SUPERVISION_EVENTS, _RELOAD_SUCCESSFUL, _RELOAD_TIME),
)
"""All of them, for the reference."""

cameras = BoundedLabel(MOST_CAMERAS)
"""The cameras with series of their own. Let the configured ones in first."""
_services = BoundedLabel(16)

# Series that are known beforehand are there from the start, at 0: a rate over a series that only
# appears with its first error misses that error.
_DURATIONS = {stage.value: _STAGE_DURATION.labels(stage) for stage in Stage}
_WAITS = {stage.value: _STAGE_WAIT.labels(stage) for stage in Stage}
_ERRORS = {kind.value: _PIPELINE_ERRORS.labels(kind) for kind in PipelineError}
_LEVELS = {level.value: _EVENTS_BY_LEVEL.labels(level) for level in Severity}
_WAIT_BEFORE = {
    Stage.DETECT: LatencyStage.WATCH_TO_DETECT,
    Stage.BATCH: LatencyStage.DETECT_TO_BATCH,
    Stage.ANALYZE: LatencyStage.BATCH_TO_ANALYZE,
}


def set_queue_depth(queue: str, depth: float) -> None:
    """Say how many entries *queue* holds: "detection", "analysis", or the queue's full name.

    Raises:
        KeyError: There is no such queue.
    """
    _QUEUE_DEPTHS[_SHORT_NAMES.get(queue, queue)].set(depth)


def observe_stage_duration(stage: str, duration: Seconds) -> None:
    """Note that *stage* worked for *duration*.

    Raises:
        KeyError: There is no such stage.
    """
    _DURATIONS[stage].observe(max(0.0, duration))


def observe_stage_wait(stage: Stage, wait: Seconds) -> None:
    """Note that work waited for *stage*, here and in the latency tracker.

    Less than nothing, as after a clock was set back, is 0.
    """
    _WAITS[stage].observe(max(0.0, wait))
    record_pipeline_stage_latency(_WAIT_BEFORE[stage], 1000 * wait)


def observe_pipeline_latency(camera_id: str, latency: Seconds, event_id: int) -> None:
    """Note that event *event_id* was there *latency* after its first upload."""
    histogram = _PIPELINE_LATENCY.labels(cameras.of(camera_id))
    histogram.observe(max(0.0, latency), exemplar={"event_id": str(event_id)})
    record_pipeline_stage_latency(LatencyStage.TOTAL_PIPELINE, 1000 * latency)


def observe_ai_request_duration(
    service: str, duration: Seconds, outcome: AiOutcome = AiOutcome.OK
) -> None:
    """Note that *service* took *duration* over a request that ended in *outcome*."""
    _AI_REQUEST_DURATION.labels(_services.of(service), outcome).observe(max(0.0, duration))


@contextmanager
def timing_ai_request(
    service: str,
    outcome_of: Callable[[BaseException], AiOutcome],
    clock: Callable[[], Seconds] = time.monotonic,
) -> Iterator[None]:
    """Time the block as a request to *service*; *outcome_of* judges what it raises."""
    began, outcome = clock(), AiOutcome.OK
    try:
        yield
    except BaseException as error:
        outcome = outcome_of(error)
        raise
    finally:
        observe_ai_request_duration(service, clock() - began, outcome)


def record_event_created(level: Severity | None = None) -> None:
    """Count a new event, of *level* if that is known."""
    _EVENTS_CREATED.inc()
    if level is not None:
        _LEVELS[level].inc()


def record_detection_processed(count: int = 1) -> None:
    """Count *count* objects that were found and kept."""
    _DETECTIONS_PROCESSED.inc(count)


def record_pipeline_error(error_type: str) -> None:
    """Count an error; one of no known kind (`PipelineError`) counts as other."""
    _ERRORS.get(error_type, _ERRORS[OTHER]).inc()


def record_upload_received(camera_id: str) -> None:
    """Count an upload that was taken into the ledger."""
    _UPLOADS_RECEIVED.labels(cameras.of(camera_id)).inc()


def record_batch_closed() -> None:
    """Count a closing."""
    _BATCHES_CLOSED.inc()


def record_retention_round(outcome: str, deleted: Iterable[tuple[str, int]] = ()) -> None:
    """Count a round of retention, and how many of each kind it has *deleted*."""
    _RETENTION_ROUNDS.labels(outcome).inc()
    for kind, count in deleted:
        _RETENTION_DELETED.labels(kind).inc(count)


def record_config_reload(*, successful: bool) -> None:
    """Note that the configuration was read, and whether it is in use now."""
    _RELOAD_SUCCESSFUL.set(successful)
    if successful:
        _RELOAD_TIME.set(time.time())


def admit_cameras(camera_ids: Iterable[str]) -> None:
    """Give the configured cameras series of their own, however many others turn up."""
    cameras.admit(camera_ids)


class CountedSink:
    """Counts the events of a supervision tree by their kind, and passes them on."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink

    def emit(self, event: Event) -> None:
        """Count *event* and pass it on."""
        _SUPERVISION_EVENTS.labels(event.name).inc()
        self._sink.emit(event)
