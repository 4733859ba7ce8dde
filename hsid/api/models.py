"""The documents that both doors hand out: the control socket and `hsid status` without a daemon.

Guarantees one schema for a question, whoever answers it. Times are UTC; durations are seconds and
say so in their names. Building the documents from the database is `hsid.api.report`'s work.
"""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from hsid import __version__
from hsid.gpu.board import Card, CardState
from hsid.gpu.pressure import Pressure
from hsid.model import (
    Accounting,
    AnalysisKind,
    DetectionRecord,
    Event,
    EventRevision,
    EventState,
    Severity,
)
from hsid.observe.health import Health, HealthState
from hsid.queues.protocol import QueueStats
from hsid.store.search import EventStatistics

API_VERSION = 1


class Document(BaseModel):
    """Base of all documents: frozen, and nothing in them that the schema doesn't name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UploadCounts(Document):
    """How many uploads arrived and where they are now."""

    arrived: int
    analysed: int
    nothing_seen: int
    refused: int
    duplicate: int
    dead: int
    pending: int

    @classmethod
    def of(cls, accounting: Accounting) -> Self:
        """Return the document for *accounting*."""
        return cls(**{name: getattr(accounting, name) for name in cls.model_fields})


class QueueReport(Document):
    """A durable queue at one moment. *delayed* entries wait for the time of their retry."""

    name: str
    ready: int
    leased: int
    delayed: int
    dead: int
    capacity: int
    fill_ratio: float
    """How much of the capacity is taken; at 1 the queue is full."""
    oldest_age_seconds: float | None

    @classmethod
    def of(cls, name: str, stats: QueueStats) -> Self:
        """Return the document for the queue called *name*."""
        return cls(
            name=name,
            ready=stats.ready,
            leased=stats.leased,
            delayed=stats.delayed,
            dead=stats.dead,
            capacity=stats.capacity,
            fill_ratio=stats.depth / stats.capacity,
            oldest_age_seconds=stats.oldest_age,
        )


class ActorReport(Document):
    """One node of the supervision tree."""

    path: str
    """Ids from below the root down to this node, joined by slashes."""
    state: str
    restarts: int
    uptime_seconds: float | None = None
    next_try_seconds: float | None = None
    """Until it is started again; None if it runs, or nobody starts it by itself."""
    paused: bool = False
    """Whether it was told to take no new work."""
    last_error: str | None = None


class HealthReport(Document):
    """Whether the daemon is well; *troubles* says in words what is not."""

    state: HealthState
    troubles: tuple[str, ...] = ()

    @classmethod
    def of(cls, health: Health) -> Self:
        """Return the document for *health*."""
        return cls(state=health.state, troubles=health.troubles)


class GpuReport(Document):
    """A graphics card at the last look. What it can't report, or a lost one, is None, never 0."""

    number: int | None
    """Its place in the driver's list; None while the driver tells of no card."""
    uuid: str | None
    name: str | None
    state: CardState
    since: datetime
    """When it came into this state."""
    error: str | None
    """Why it is lost, in words."""
    utilization_ratio: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    memory_pressure: Pressure
    temperature_celsius: float | None = None
    power_watts: float | None = None
    recorded_at: datetime | None = None

    @classmethod
    def of(cls, card: Card) -> Self:
        """Return the document for *card*."""
        names = (
            *("utilization_ratio", "memory_used_bytes", "memory_total_bytes"),
            *("temperature_celsius", "power_watts", "recorded_at"),
        )
        figures = {name: getattr(card.reading, name) for name in names} if card.reading else {}
        return cls(
            number=card.number,
            uuid=card.uuid,
            name=card.name,
            state=card.state,
            since=card.since,
            error=card.fault.words if card.fault else None,
            memory_pressure=card.pressure,
            **figures,
        )


class StatusReport(Document):
    """How the whole house is."""

    api: int = API_VERSION
    version: str = __version__
    running: bool
    """Whether a daemon answered; False where the numbers were read from the file."""
    pid: int | None = None
    uptime_seconds: float | None = None
    health: HealthReport | None = None
    """None while no daemon runs."""
    uploads: UploadCounts
    adds_up: bool
    """Whether every upload that arrived is pending or in exactly one end."""
    refusals: dict[str, int] = Field(default_factory=dict)
    queues: tuple[QueueReport, ...] = ()
    actors: tuple[ActorReport, ...] | None = None
    """None while no daemon runs."""
    gpus: tuple[GpuReport, ...] | None = None
    """None while no daemon runs; empty on a machine without one."""


class DetectionReport(Document):
    """One object in one picture; *box* is x, y, width, height in pixels of the original."""

    upload_id: int
    captured_at: datetime
    label: str
    confidence: float
    box: tuple[int, int, int, int]

    @classmethod
    def of(cls, record: DetectionRecord) -> Self:
        """Return the document for *record*."""
        box = record.detection.box
        return cls(
            upload_id=record.upload_id,
            captured_at=record.captured_at,
            label=record.detection.label,
            confidence=record.detection.confidence,
            box=(box.x, box.y, box.width, box.height),
        )


class EventReport(Document):
    """A judged batch as a line of a list."""

    event_id: int
    batch_id: str
    camera_id: str
    started_at: datetime
    ended_at: datetime
    risk_score: int
    risk_level: Severity
    analysis: AnalysisKind
    analyst: str
    state: EventState
    summary: str
    reasoning: str
    revision: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the document for *event*."""
        fields = {
            name: getattr(event, name) for name in EventReport.model_fields if name != "event_id"
        }
        return cls(event_id=event.id, **fields)


class RevisionReport(Document):
    """What an event said before, from *updated_at* on, until the next verdict."""

    revision: int
    risk_score: int
    risk_level: Severity
    analysis: AnalysisKind
    analyst: str
    state: EventState
    summary: str
    reasoning: str
    updated_at: datetime

    @classmethod
    def of(cls, said: EventRevision) -> Self:
        """Return the document for *said*."""
        return cls(**{name: getattr(said, name) for name in cls.model_fields})


class EventDetail(EventReport):
    """An event with everything that was seen, and what it said before, earliest first."""

    detections: tuple[DetectionReport, ...] = ()
    revisions: tuple[RevisionReport, ...] = ()


class EventPage(Document):
    """Events, latest first; *next_before* asks for the page that follows, None after the last."""

    events: tuple[EventReport, ...]
    next_before: int | None = None


class EventStats(Document):
    """How many events there are; what has none is left out."""

    total: int
    by_day: dict[date, int]
    by_hour: dict[int, int]
    """By the hour of the day, 0 to 23."""
    by_camera: dict[str, int]
    by_level: dict[Severity, int]

    @classmethod
    def of(cls, counted: EventStatistics) -> Self:
        """Return the document for *counted*."""
        return cls(**{name: getattr(counted, name) for name in cls.model_fields})


class Index(Document):
    """What there is to ask for."""

    api: int = API_VERSION
    version: str = __version__
    endpoints: tuple[str, ...]


class Problem(Document):
    """What went wrong, after RFC 9457. *hint* says what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    hint: str
