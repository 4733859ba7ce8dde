"""What the API needs from the daemon, and nothing more.

The doors actor implements it over the store and the supervision tree; tests implement it in a few
lines.
"""

from typing import Protocol

from hsid.api.models import EventDetail, EventPage, StatusReport


class StatusSource(Protocol):
    """Answers questions about the house as it is now."""

    async def status(self) -> StatusReport:
        """Return the accounting, the queues and the actors of one moment."""
        ...

    async def events(self, *, limit: int, before: int | None) -> EventPage:
        """Return up to *limit* events by their start, latest first.

        *before* is the id of an event: only those that come after it in this order are returned.
        """
        ...

    async def event(self, event_id: int) -> EventDetail | None:
        """Return one event with its detections, None if there is no such event."""
        ...
