"""Build the documents from one snapshot of the database, and what is known beside it.

The daemon and `hsid status` without a daemon both come here, so they can't disagree. Only reads,
`change_star` excepted, and only through the connection it is given.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import tzinfo

from sqlalchemy import Connection

from hsid.api.asking import EventFilter, EventListing
from hsid.api.house_models import CameraList, CameraReport, ChangeList, ChangeReport
from hsid.api.log_models import LatencyReport, LineList, LineReport, LogListing, StageReport
from hsid.api.models import (
    ActorReport,
    DetectionReport,
    EventDetail,
    EventPage,
    EventReport,
    EventStats,
    GpuReport,
    HealthReport,
    QueueReport,
    RetentionReport,
    RevisionReport,
    RoleReport,
    StarReport,
    StatusReport,
    UploadCounts,
)
from hsid.model import Accounting, Seconds
from hsid.observe.health import Health
from hsid.observe.latency import PipelineLatencyTracker, StageStats
from hsid.store import audit, cameras, events, logs, stars, uploads
from hsid.store.search import search, statistics


@dataclass(frozen=True, slots=True)
class Running:
    """What only a running daemon knows of itself."""

    pid: int
    uptime: Seconds
    health: Health
    actors: tuple[ActorReport, ...]
    gpus: tuple[GpuReport, ...] = ()
    retention: RetentionReport | None = None
    roles: tuple[RoleReport, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """What the ledger holds at one moment."""

    uploads: Accounting
    refusals: dict[str, int]


def count(conn: Connection) -> Counted:
    """Count the ledger."""
    return Counted(uploads.accounting(conn), uploads.refusals(conn))


def status_report(
    counted: Counted | None, queues: Iterable[QueueReport], running: Running | None = None
) -> StatusReport:
    """Return how the house is.

    *counted* is None where the database can't be asked, *running* where no daemon runs.
    """
    return StatusReport(
        running=running is not None,
        pid=running.pid if running else None,
        uptime_seconds=running.uptime if running else None,
        health=HealthReport.of(running.health) if running else None,
        uploads=UploadCounts.of(counted.uploads) if counted else UploadCounts(),
        adds_up=counted.uploads.is_balanced if counted else None,
        refusals=counted.refusals if counted else None,
        queues=tuple(queues),
        actors=running.actors if running else None,
        gpus=running.gpus if running else None,
        retention=running.retention if running else None,
        roles=running.roles if running else None,
    )


def event_page(conn: Connection, listing: EventListing) -> EventPage:
    """Return a page of events by their start, latest first.

    Raises:
        UnknownPositionError: The event after which the page is to begin is not there.
    """
    found = search(conn, listing.query, listing.limit, listing.before)
    is_full = len(found) == listing.limit
    kept = stars.starred(conn, [event.id for event in found])
    return EventPage(
        events=tuple(EventReport.of(event, starred=event.id in kept) for event in found),
        next_before=found[-1].id if is_full else None,
    )


def event_stats(conn: Connection, events: EventFilter, zone: tzinfo | None) -> EventStats:
    """Count events; days and hours are those of *zone*, None: this machine's."""
    return EventStats.of(statistics(conn, events.query, zone))


def event_detail(conn: Connection, event_id: int) -> EventDetail | None:
    """Return one event with its detections and what it said before, None if there is none."""
    event = events.get_event(conn, event_id)
    if event is None:
        return None
    records = events.detections_of(conn, event.batch_id)
    starred = bool(stars.starred(conn, [event_id]))
    return EventDetail(
        **EventReport.of(event, starred=starred).model_dump(),
        detections=tuple(DetectionReport.of(record) for record in records),
        revisions=tuple(map(RevisionReport.of, events.revisions_of(conn, event_id))),
    )


def change_star(conn: Connection, event_id: int, *, starred: bool, by: str) -> StarReport | None:
    """Give or take a star for *by*; None if there is no such event. The change is recorded."""
    changed = stars.change(conn, event_id, is_starred=starred, by=by)
    if changed is None:
        return None
    return StarReport(event_id=event_id, starred=starred, changed=changed)


def camera_list(conn: Connection) -> CameraList:
    """Return all cameras."""
    return CameraList(
        cameras=tuple(
            CameraReport(
                camera_id=each.camera.id,
                name=each.camera.name,
                place=each.camera.place,
                timezone=each.camera.timezone,
                last_seen_at=each.last_seen_at,
                last_stored_at=each.last_stored_at,
                pending=each.pending,
            )
            for each in cameras.standings(conn)
        )
    )


def change_list(conn: Connection, limit: int) -> ChangeList:
    """Return the latest changes that somebody asked for."""
    return ChangeList(
        changes=tuple(ChangeReport(**asdict(each)) for each in audit.latest(conn, limit))
    )


def line_list(conn: Connection, listing: LogListing) -> LineList:
    """Return lines of the log, the latest first."""
    found = logs.search(conn, listing.query, listing.limit)
    return LineList(lines=tuple(LineReport.of(each.line) for each in found))


def latency_report(tracker: PipelineLatencyTracker, window_minutes: int) -> LatencyReport:
    """Return how long uploads took from step to step, in seconds."""
    summary = tracker.get_pipeline_summary(window_minutes)
    stages = (_stage_report(stage, stats) for stage, stats in summary.items())
    return LatencyReport(window_minutes=window_minutes, stages=tuple(stages))


def _stage_report(stage: str, stats: StageStats) -> StageReport:
    names = ("avg", "min", "max", "p50", "p95", "p99")
    values = {name: getattr(stats, f"{name}_ms") for name in names}
    return StageReport(
        stage=stage,
        count=stats.sample_count,
        **{f"{name}_seconds": None if ms is None else ms / 1000 for name, ms in values.items()},
    )
