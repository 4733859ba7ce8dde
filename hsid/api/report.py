"""Build the documents from one snapshot of the database, and what is known beside it.

The daemon and `hsid status` without a daemon both come here, so they can't disagree. Only reads,
and only through the connection it is given.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from hsid.api.models import (
    ActorReport,
    DetectionReport,
    EventDetail,
    EventPage,
    EventReport,
    HealthReport,
    QueueReport,
    StatusReport,
    UploadCounts,
)
from hsid.model import Seconds
from hsid.observe.health import Health
from hsid.store import events, uploads


@dataclass(frozen=True, slots=True)
class Running:
    """What only a running daemon knows of itself."""

    pid: int
    uptime: Seconds
    health: Health
    actors: tuple[ActorReport, ...]


def status_report(
    conn: Connection, queues: Iterable[QueueReport], running: Running | None = None
) -> StatusReport:
    """Return how the house is; *running* is None where no daemon runs."""
    accounting = uploads.accounting(conn)
    return StatusReport(
        running=running is not None,
        pid=running.pid if running else None,
        uptime_seconds=running.uptime if running else None,
        health=HealthReport.of(running.health) if running else None,
        uploads=UploadCounts.of(accounting),
        adds_up=accounting.is_balanced,
        refusals=uploads.refusals(conn),
        queues=tuple(queues),
        actors=running.actors if running else None,
    )


def event_page(conn: Connection, *, limit: int, before: int | None) -> EventPage:
    """Return up to *limit* events by their start, latest first, from after the event *before*."""
    found = events.list_events(conn, limit, before)
    is_full = len(found) == limit
    return EventPage(
        events=tuple(EventReport.of(event) for event in found),
        next_before=found[-1].id if is_full else None,
    )


def event_detail(conn: Connection, event_id: int) -> EventDetail | None:
    """Return one event with its detections, None if there is no such event."""
    event = events.get_event(conn, event_id)
    if event is None:
        return None
    records = events.detections_of(conn, event.batch_id)
    return EventDetail(
        **EventReport.of(event).model_dump(),
        detections=tuple(DetectionReport.of(record) for record in records),
    )
