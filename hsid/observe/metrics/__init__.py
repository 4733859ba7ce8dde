"""Metrics for Prometheus: count and time what happens, and write pages of it.

Importing this loads the client library, so commands that want to start at once don't.
"""

from hsid.observe.latency import (
    PipelineLatencyTracker,
    get_pipeline_latency_tracker,
    get_pipeline_summary,
    get_stage_stats,
    record_pipeline_stage_latency,
)
from hsid.observe.metrics.instruments import (
    AiOutcome,
    CountedSink,
    PipelineError,
    Stage,
    admit_cameras,
    observe_ai_request_duration,
    observe_pipeline_latency,
    observe_stage_duration,
    observe_stage_wait,
    record_batch_closed,
    record_config_reload,
    record_detection_processed,
    record_event_created,
    record_pipeline_error,
    record_retention_round,
    record_upload_received,
    set_queue_depth,
    timing_ai_request,
)
from hsid.observe.metrics.pages import Page, Pages, get_metrics_response

__all__ = [
    "AiOutcome",
    "CountedSink",
    "Page",
    "Pages",
    "PipelineError",
    "PipelineLatencyTracker",
    "Stage",
    "admit_cameras",
    "get_metrics_response",
    "get_pipeline_latency_tracker",
    "get_pipeline_summary",
    "get_stage_stats",
    "observe_ai_request_duration",
    "observe_pipeline_latency",
    "observe_stage_duration",
    "observe_stage_wait",
    "record_batch_closed",
    "record_config_reload",
    "record_detection_processed",
    "record_event_created",
    "record_pipeline_error",
    "record_pipeline_stage_latency",
    "record_retention_round",
    "record_upload_received",
    "set_queue_depth",
    "timing_ai_request",
]
