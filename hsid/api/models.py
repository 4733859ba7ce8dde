"""The documents that both doors hand out: the control socket and `hsid status` without a daemon.

Guarantees one schema for a question, whoever answers it. Times are UTC; durations are seconds and
say so in their names. Building the documents from the database is `hsid.api.report`'s work.
"""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

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
from hsid.retention.forecast import Limit, Outlook
from hsid.retention.measuring import Measured
from hsid.roles import Role, RoleStanding, RoleState
from hsid.store.search import EventStatistics

API_VERSION = 1


class Document(BaseModel):
    """Base of all documents: frozen, and nothing in them that the schema doesn't name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UploadCounts(Document):
    """How many uploads arrived and where they are now; all None while the database is away."""

    arrived: int | None = None
    analysed: int | None = None
    nothing_seen: int | None = None
    refused: int | None = None
    duplicate: int | None = None
    dead: int | None = None
    pending: int | None = None

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
    kind: str = "worker"
    """`worker`, or `supervisor` for one that only looks after those below it."""
    state: str
    incarnation: int = 1
    """Which one works, or worked last, counted from 1; 0 if none has begun."""
    restarts: int
    uptime_seconds: float | None = None
    next_try_seconds: float | None = None
    """Until it is started again; None if it runs, or nobody starts it by itself."""
    paused: bool = False
    """Whether it was told to take no new work."""
    zombies: int = 0
    """Earlier incarnations that did not end when they were stopped."""
    mailbox: int | None = None
    """What waits for it in memory; None if nothing can."""
    last_error: str | None = None


class RoleReport(Document):
    """How this node stands to a role that one node at a time has."""

    role: Role
    state: RoleState
    since: datetime
    """When it came into this state."""

    @classmethod
    def of(cls, standing: RoleStanding) -> Self:
        """Return the document for *standing*."""
        return cls(role=standing.role, state=standing.state, since=standing.since)


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


class RetentionReport(Document):
    """What the last round of retention found, and how long the room lasts at this rate."""

    measured_at: datetime
    used_bytes: int
    """All that counts against `retention_max_bytes`."""
    free_bytes: int
    outlook: Outlook
    days_left: float | None
    """0 at the limit; None while it is unknown, or no limit will be reached."""
    limit: Limit | None
    """The one that is reached first."""

    @classmethod
    def of(cls, measured: Measured) -> Self:
        """Return the document for *measured*."""
        situation, ahead = measured.situation, measured.forecast
        return cls(
            measured_at=situation.now,
            used_bytes=situation.used_bytes,
            free_bytes=situation.free_bytes,
            outlook=ahead.outlook,
            days_left=ahead.days_left,
            limit=ahead.limit,
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
    uploads: UploadCounts = UploadCounts()
    adds_up: bool | None = None
    """Whether every upload that arrived is pending or in exactly one end; None: not known now."""
    refusals: dict[str, int] | None = None
    """How many were refused for each reason; None while the database is away."""
    queues: tuple[QueueReport, ...] = ()
    actors: tuple[ActorReport, ...] | None = None
    """None while no daemon runs."""
    gpus: tuple[GpuReport, ...] | None = None
    """None while no daemon runs; empty on a machine without one."""
    retention: RetentionReport | None = None
    """None while no daemon runs, before its first round, and on a node that does none."""
    roles: tuple[RoleReport, ...] | None = None
    """Those that one node at a time has, as far as this one may; None while no daemon runs, empty
    where no other node could have one."""


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
    starred: bool = False
    """Whether retention leaves it alone."""

    @classmethod
    def of(cls, event: Event, *, starred: bool) -> Self:
        """Return the document for *event*."""
        own = EventReport.model_fields.keys() - {"event_id", "starred"}
        fields = {name: getattr(event, name) for name in own}
        return cls(event_id=event.id, starred=starred, **fields)


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


class StarReport(Document):
    """Whether an event has a star now, and whether that is news."""

    event_id: int
    starred: bool
    changed: bool


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
