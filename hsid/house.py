"""The parts that the actors lean on, made from the settings once, for the life of the daemon.

The actors come and go; what they share stays here: the store, the queues with their channels, the
detector with its worker processes. Nothing runs yet when the house is built.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import trio

from hsid.ai.analyst import Analyst
from hsid.ai.detector import Detector
from hsid.ai.embedded import EmbeddedDetector
from hsid.ai.rtdetr import RtdetrDetector
from hsid.ai.rules import RuleAnalyst
from hsid.ai.severity import SeverityThresholds
from hsid.batching import BatchPolicy
from hsid.config import Settings
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.feeding import EmbeddedFeeder, Feeder
from hsid.intake.inspection import Limits
from hsid.intake.inspector import Inspector
from hsid.media.workers import WorkerLimits, WorkerPool
from hsid.model import Camera, Seconds
from hsid.notices import Notice
from hsid.queues.completer import EmbeddedCompleter
from hsid.queues.consumer import Consumer
from hsid.queues.protocol import QueueOverflowPolicy
from hsid.queues.sqlite import SqliteQueue
from hsid.store.connect import database_path
from hsid.store.store import Store

_SCORE_FLOOR = 0.05
"""The embedded detector reports nothing less sure; the threshold of the settings comes later."""

_CLOSE_DEADLINE: Seconds = 5.0


@dataclass(frozen=True, slots=True)
class House:
    """Everything that actors share."""

    settings: Settings
    started_at: Seconds
    store: Store
    detection_queue: SqliteQueue
    analysis_queue: SqliteQueue
    detection_consumer: Consumer
    analysis_consumer: Consumer
    feeder: Feeder
    inspector: Inspector
    detector: Detector
    analyst: Analyst
    thresholds: SeverityThresholds
    batch_policy: BatchPolicy
    batcher_notice: Notice


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Build the house; give connections and processes back at the end of the block.

    Raises:
        UnsupportedDatabaseError: The database of *settings* is no SQLite file.
        UnknownTimezoneError: A camera's zone is not known here.
    """
    detector = _detector(settings)
    try:
        yield _house(settings, detector)
    finally:
        with trio.move_on_after(_CLOSE_DEADLINE, shield=True):
            await detector.aclose()


def configured_cameras(settings: Settings) -> list[Camera]:
    """Return the cameras that the settings name."""
    return [camera.to_camera() for camera in settings.cameras]


def _house(settings: Settings, detector: Detector) -> House:
    store = Store(database_path(settings.database_url))
    queue = partial(
        SqliteQueue,
        store,
        capacity=settings.queue_max_size,
        overflow=QueueOverflowPolicy(settings.queue_overflow_policy),
    )
    detection_queue, analysis_queue = queue(DETECTION_QUEUE), queue(ANALYSIS_QUEUE)
    completer = EmbeddedCompleter(store, [detection_queue, analysis_queue])
    return House(
        settings=settings,
        started_at=trio.current_time(),
        store=store,
        detection_queue=detection_queue,
        analysis_queue=analysis_queue,
        detection_consumer=Consumer(
            detection_queue,
            completer,
            prefetch=4 * detector.concurrency,
            max_deliveries=settings.max_deliveries,
            handle_within=_detection_limit(settings),
        ),
        analysis_consumer=Consumer(
            analysis_queue, completer, max_deliveries=settings.max_deliveries
        ),
        feeder=EmbeddedFeeder(
            store,
            detection_queue=detection_queue,
            analysis_queue=analysis_queue,
            dedupe_ttl=settings.dedupe_ttl_seconds,
        ),
        inspector=Inspector(
            Path(settings.foscam_base_path),
            Limits(settings.max_file_bytes, settings.max_pixels),
            cameras=configured_cameras(settings),
            timezone=settings.timezone,
        ),
        detector=detector,
        analyst=RuleAnalyst(),
        thresholds=SeverityThresholds(
            settings.severity_low_max, settings.severity_medium_max, settings.severity_high_max
        ),
        batch_policy=BatchPolicy(
            window=timedelta(seconds=settings.batch_window_seconds),
            idle=timedelta(seconds=settings.batch_idle_timeout_seconds),
            max_detections=settings.batch_max_detections,
            late=timedelta(seconds=settings.batch_late_seconds),
        ),
        batcher_notice=Notice(),
    )


def _detection_limit(settings: Settings) -> Seconds:
    """Return a time that is beyond what the detector itself allows a picture."""
    if settings.detector == "rtdetr":
        return settings.ai_connect_timeout + settings.rtdetr_read_timeout + 30
    return 2 * settings.detector_timeout_seconds + 30  # a lost worker costs one more try


def _detector(settings: Settings) -> Detector:
    if settings.detector == "rtdetr":
        key = settings.rtdetr_api_key
        return RtdetrDetector(
            settings.rtdetr_url[0],
            connect_timeout=settings.ai_connect_timeout,
            read_timeout=settings.rtdetr_read_timeout,
            api_key=key.get_secret_value() if key else None,
        )
    limits = WorkerLimits(
        memory_bytes=settings.detector_memory_limit_mb << 20,
        call_seconds=settings.detector_timeout_seconds,
    )
    if settings.detector_workers is not None:
        limits = replace(limits, processes=settings.detector_workers)
    return EmbeddedDetector(
        WorkerPool(limits),
        score_floor=min(_SCORE_FLOOR, settings.detection_confidence_threshold),
        max_pixels=settings.max_pixels,
    )
