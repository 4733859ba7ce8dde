"""A small house behind the real API on a real Unix socket."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import httpx
import pytest
import trio

from hsid.api.app import create_app
from hsid.api.models import (
    ActorReport,
    DetectionReport,
    EventDetail,
    EventPage,
    EventReport,
    EventStats,
    HealthReport,
    QueueReport,
    RevisionReport,
    StarReport,
    StatusReport,
    UploadCounts,
)
from hsid.api.server import serve
from hsid.live import LiveFeed
from hsid.model import AnalysisKind, EventState, Severity
from hsid.observe.health import HealthState
from hsid.store.search import UnknownPositionError

NIGHT = datetime(2025, 3, 4, 2, 13, tzinfo=UTC)

COUNTS = UploadCounts(
    arrived=9, analysed=3, nothing_seen=2, refused=2, duplicate=1, dead=0, pending=1
)


def build_event(event_id=1, **changes):
    seen = DetectionReport(
        upload_id=7, captured_at=NIGHT, label="person", confidence=0.9, box=(1, 2, 30, 40)
    )
    before = RevisionReport(
        revision=0,
        risk_score=60,
        risk_level=Severity.MEDIUM,
        analysis=AnalysisKind.RULES,
        analyst="rules-1",
        state=EventState.PROVISIONAL,
        summary="Somebody",
        reasoning="dark",
        updated_at=NIGHT,
    )
    fields = {
        "batch_id": f"b{event_id}",
        "camera_id": "front_door",
        "started_at": NIGHT,
        "ended_at": NIGHT,
        "risk_score": 70,
        "risk_level": Severity.HIGH,
        "analysis": AnalysisKind.RULES,
        "analyst": "rules-1",
        "state": EventState.FINAL,
        "summary": "A person at the front door",
        "reasoning": "night",
        "revision": 1,
        "created_at": NIGHT,
        "updated_at": NIGHT,
        "detections": (seen,),
        "revisions": (before,),
    }
    return EventDetail(event_id=event_id, **(fields | changes))


class House:
    """A status source over a list of events. *delay* makes it slow, *error* makes it fail."""

    def __init__(self, *events):
        self.stored = {event.event_id: event for event in events}
        self.listings = []
        self.live = LiveFeed()
        self.delay = 0.0
        self.error = None
        self.can_count = True
        self.asked = trio.Event()
        self.starred_by = None

    async def status(self):
        self.asked.set()
        await trio.sleep(self.delay)
        if self.error:
            raise self.error
        queue = QueueReport(
            name="detection_queue",
            ready=1,
            leased=0,
            delayed=0,
            dead=0,
            capacity=1000,
            fill_ratio=0.003,
            oldest_age_seconds=2.5,
        )
        watcher = ActorReport(path="pipeline/watcher", state="running", restarts=1)
        return StatusReport(
            running=True,
            pid=os.getpid(),
            uptime_seconds=61,
            health=HealthReport(state=HealthState.OK),
            uploads=COUNTS if self.can_count else UploadCounts(),
            adds_up=True if self.can_count else None,
            refusals={"empty_file": 2} if self.can_count else None,
            queues=(queue,),
            actors=(watcher,),
        )

    async def events(self, listing):
        self.listings.append(listing)
        if listing.before not in {None, *self.stored}:
            raise UnknownPositionError(listing.before)
        latest_first = sorted(self.stored.values(), key=lambda e: -e.event_id)
        behind = [e for e in latest_first if listing.before is None or e.event_id < listing.before]
        found, plain = behind[: listing.limit], EventReport.model_fields
        return EventPage(
            events=tuple(EventReport(**{f: getattr(e, f) for f in plain}) for e in found),
            next_before=found[-1].event_id if len(behind) > listing.limit else None,
        )

    async def event_stats(self, events):
        self.listings.append(events)
        return EventStats(
            total=1, by_day={NIGHT.date(): 1}, by_hour={2: 1}, by_camera={"gate": 1}, by_level={}
        )

    async def event(self, event_id):
        return self.stored.get(event_id)

    async def change_star(self, event_id, *, starred, by):
        self.starred_by = by
        event = self.stored.get(event_id)
        if event is None:
            return None
        self.stored[event_id] = event.model_copy(update={"starred": starred})
        changed = event.starred is not starred
        return StarReport(event_id=event_id, starred=starred, changed=changed)


@asynccontextmanager
async def running(house, path) -> AsyncIterator[trio.Event]:
    """Serve *house* on *path*; yields the event that stops it."""
    stopping, accepting = trio.Event(), trio.Event()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(serve, create_app(house), path, ready=accepting.set, stopping=stopping)
            )
            await accepting.wait()
            yield stopping
            stopping.set()


def client_of(path):
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://hsid"
    )


async def hsictl(*arguments, socket, **environment):
    """Run the real command against *socket*."""
    program = "from hsid.cli.hsictl import main; main(prog_name='hsictl')"
    command = [sys.executable, "-c", program, *arguments]
    return await trio.run_process(
        command,
        env={"HSID_CONTROL_SOCKET": str(socket), "PATH": os.environ["PATH"], **environment},
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )


@pytest.fixture
def house():
    return House(build_event(1), build_event(2, risk_level=Severity.LOW, risk_score=5))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"
