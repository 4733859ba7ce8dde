"""The parts that the actors lean on, made from the settings once, for the life of the daemon.

The actors come and go; what they share stays here: the store, the queues with their channels, the
detector with its worker processes. Nothing runs yet when the house is built.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import trio
from sqlalchemy import Connection

from hsid.activation import NO_SOCKETS, PassedSockets
from hsid.ai.analyst import Analyst
from hsid.ai.detector import Detector
from hsid.ai.embedded import EmbeddedDetector
from hsid.ai.rtdetr import RtdetrDetector
from hsid.ai.rules import RuleAnalyst
from hsid.ai.severity import SeverityThresholds
from hsid.backing import Backing, backing_in_store
from hsid.batching import BatchPolicy
from hsid.config import Settings
from hsid.gpu.board import Board
from hsid.intake.inspection import Limits
from hsid.intake.inspector import Inspector
from hsid.live import LiveFeed
from hsid.media.workers import WorkerLimits, WorkerPool
from hsid.model import Camera, Event, Seconds
from hsid.notices import Notice
from hsid.observe.latency import PipelineMarks
from hsid.observe.metrics import admit_cameras
from hsid.queues.consumer import Consumer
from hsid.retention.measuring import LastMeasured
from hsid.roles import RoleBoard
from hsid.store import cameras
from hsid.store.store import Store
from supervision import Mailbox, Overflow

_SCORE_FLOOR = 0.05
"""The embedded detector reports nothing less sure; the threshold of the settings comes later."""

_ANNOUNCEMENTS = 100
"""Events that may wait to be announced, while a server is away for a moment."""

_CLOSE_DEADLINE: Seconds = 5.0


class EffectiveSettings:
    """The settings in force, and what is made of nothing but them: replaced as a whole."""

    def __init__(self, settings: Settings) -> None:
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """Put *settings* in force; whoever looks here from now on finds them.

        Raises:
            UnknownTimezoneError: A camera's zone is not known here; nothing has changed.
        """
        inspector = Inspector(
            Path(settings.foscam_base_path),
            Limits(settings.max_file_bytes, settings.max_pixels),
            cameras=configured_cameras(settings),
            timezone=settings.timezone,
        )
        self.settings, self.inspector = settings, inspector


@dataclass(frozen=True, slots=True)
class House:
    """Everything that actors share."""

    effective: EffectiveSettings
    started_at: Seconds
    passed: PassedSockets
    store: Store
    backing: Backing
    detection_consumer: Consumer
    analysis_consumer: Consumer
    detector: Detector
    analyst: Analyst
    batcher_notice: Notice
    reconciler_notice: Notice
    """Given when a queue has lost entries, or could not take what was to be put."""
    announcements: Mailbox[Event]
    live: LiveFeed[Event]
    gpus: Board
    room: LastMeasured
    roles: RoleBoard
    """How this node stands to what one node at a time does."""
    marks: PipelineMarks
    hangup: Notice
    """Given by SIGHUP: the settings are to be read anew."""

    @property
    def settings(self) -> Settings:
        """The settings in force: those of the start, but for what a reload has taken up."""
        return self.effective.settings

    @property
    def inspector(self) -> Inspector:
        """What looks at files."""
        return self.effective.inspector

    @property
    def thresholds(self) -> SeverityThresholds:
        """Where the levels of severity end."""
        settings = self.settings
        return SeverityThresholds(
            settings.severity_low_max, settings.severity_medium_max, settings.severity_high_max
        )

    @property
    def batch_policy(self) -> BatchPolicy:
        """When a batch is finished."""
        settings = self.settings
        return BatchPolicy(
            window=timedelta(seconds=settings.batch_window_seconds),
            idle=timedelta(seconds=settings.batch_idle_timeout_seconds),
            max_detections=settings.batch_max_detections,
            late=timedelta(seconds=settings.batch_late_seconds),
        )

    async def take(self, settings: Settings) -> None:
        """Put *settings* in force, in the database as well; all of it or nothing.

        Raises:
            StoreUnavailableError: The database does not take the cameras now.
            UnknownTimezoneError: A camera's zone is not known here.
        """
        if settings.cameras != self.settings.cameras:
            await self.store.write(
                partial(cameras.configure, configured=configured_cameras(settings))
            )
        self.effective.take(settings)
        if isinstance(self.detector, EmbeddedDetector):
            self.detector.score_floor = _score_floor(settings)

    def announce(self, event: Event) -> None:
        """Tell of an *event* that is stored: those in this process, and those on Redis."""
        self.announcements.ref.tell_nowait(event)
        self.live.tell(event)


@asynccontextmanager
async def open_house(
    settings: Settings, passed: PassedSockets = NO_SOCKETS
) -> AsyncIterator[House]:
    """Build the house; give connections and processes back at the end of the block.

    *passed* are the sockets that a service manager has listened on for it.

    Raises:
        UnsupportedDatabaseError: The database of *settings* is of no kind that hsid knows.
        UnknownTimezoneError: A camera's zone is not known here.
        StoreUnavailableError: The name of this node can't be read or made.
    """
    admit_cameras(camera.id for camera in settings.cameras)
    detector = _detector(settings)
    house: House | None = None
    try:
        house = _house(settings, detector, passed)
        yield house
    finally:
        with trio.move_on_after(_CLOSE_DEADLINE, shield=True):
            await detector.aclose()
            if house is not None and house.backing.redis is not None:
                await house.backing.redis.disconnect()


def configured_cameras(settings: Settings) -> list[Camera]:
    """Return the cameras that the settings name."""
    return [camera.to_camera() for camera in settings.cameras]


def _house(settings: Settings, detector: Detector, passed: PassedSockets) -> House:
    effective = EffectiveSettings(settings)

    def configure_cameras(connection: Connection) -> None:
        cameras.configure(connection, configured_cameras(effective.settings))

    store = Store(
        settings.database_url,
        auto_migrate=settings.database_auto_migrate,
        prepare=configure_cameras,
    )
    reconciler_notice = Notice()
    backing = _backing(settings, store, on_gap=reconciler_notice.give)
    return House(
        effective=effective,
        started_at=trio.current_time(),
        passed=passed,
        store=store,
        backing=backing,
        detection_consumer=Consumer(
            backing.detection_queue,
            backing.completer,
            prefetch=4 * detector.concurrency,
            max_deliveries=settings.max_deliveries,
            handle_within=_detection_limit(settings),
        ),
        analysis_consumer=Consumer(
            backing.analysis_queue, backing.completer, max_deliveries=settings.max_deliveries
        ),
        detector=detector,
        analyst=RuleAnalyst(),
        batcher_notice=Notice(),
        reconciler_notice=reconciler_notice,
        announcements=Mailbox("announcements", _ANNOUNCEMENTS, Overflow.DROP_OLDEST),
        live=LiveFeed(),
        gpus=Board(),
        room=LastMeasured(),
        marks=PipelineMarks(),
        hangup=Notice(),
        roles=RoleBoard(),
    )


def _backing(settings: Settings, store: Store, *, on_gap: Callable[[], None]) -> Backing:
    if settings.redis_url is None:
        return backing_in_store(settings, store)
    # The client library is for those who use it: an embedded daemon is to stay small.
    from hsid.backing_on_redis import backing_on_redis  # noqa: PLC0415

    return backing_on_redis(settings, store, on_gap=on_gap)


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
        score_floor=_score_floor(settings),
        max_pixels=settings.max_pixels,
    )


def _score_floor(settings: Settings) -> float:
    return min(_SCORE_FLOOR, settings.detection_confidence_threshold)
