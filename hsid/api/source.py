"""What the API needs from the daemon, and nothing more.

The doors actor implements it over the store and the supervision tree; tests implement it in a few
lines.
"""

from typing import Protocol

from hsid.api.asking import EventFilter, EventListing
from hsid.api.models import EventDetail, EventPage, EventStats, StarReport, StatusReport


class StatusSource(Protocol):
    """Answers questions about the house as it is now."""

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

    async def change_star(self, event_id: int, *, starred: bool) -> StarReport | None:
        """Give an event a star or take it, and record that; None if there is no such event."""
        ...
