"""What the API needs from the daemon, and nothing more.

The doors actor implements it over the store and the supervision tree; tests implement it in a few
lines.
"""

from typing import Protocol

from hsid.api.asking import EventFilter, EventListing
from hsid.api.house_models import CameraList, ChangeList, GpuList
from hsid.api.log_models import LatencyReport, LineList, LogListing
from hsid.api.models import EventDetail, EventPage, EventStats, StarReport, StatusReport
from hsid.live import LiveFeed
from hsid.model import Event


class StatusSource(Protocol):
    """Answers questions about the house as it is now."""

    @property
    def live(self) -> LiveFeed[Event]:
        """Where events are told as they happen."""
        ...

    async def status(self) -> StatusReport:
        """Return the accounting, the queues and the actors of one moment."""
        ...

    async def events(self, listing: EventListing) -> EventPage:
        """Return a page of events by their start, latest first.

        Raises:
            UnknownPositionError: The event after which the page is to begin is not there.
        """
        ...

    async def event_stats(self, events: EventFilter) -> EventStats:
        """Count events by day, hour, camera and level."""
        ...

    async def event(self, event_id: int) -> EventDetail | None:
        """Return one event with its detections, None if there is no such event."""
        ...

    async def change_star(self, event_id: int, *, starred: bool, by: str) -> StarReport | None:
        """Give an event a star or take it, and record that *by* did; None if it is not there."""
        ...

    async def cameras(self) -> CameraList:
        """Return all cameras, and when they were last heard of."""
        ...

    async def gpus(self) -> GpuList:
        """Return the graphics cards at the last look."""
        ...

    async def latency(self, window_minutes: int) -> LatencyReport:
        """Return how long uploads took from step to step in the last minutes."""
        ...

    async def logs(self, listing: LogListing) -> LineList:
        """Return lines of the log, as far as it is in the database, the latest first."""
        ...

    async def changes(self, limit: int) -> ChangeList:
        """Return the latest changes that somebody asked for."""
        ...
