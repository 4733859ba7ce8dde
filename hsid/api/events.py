"""The routes about events: lists, counts, one of them, and its star."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from hsid.api import problems
from hsid.api.asking import LARGEST_ID, EventFilter, EventListing
from hsid.api.audit import actor_of
from hsid.api.models import EventDetail, EventPage, EventStats, Problem, StarReport
from hsid.api.source import StatusSource

EventId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Filter = Annotated[EventFilter, Query()]
Listing = Annotated[EventListing, Query()]

_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}


def routes(source: StatusSource) -> APIRouter:
    """Return the routes that answer from *source*."""
    router = APIRouter(prefix="/v1/events")

    @router.get("", responses=_MISSING)
    async def events(listing: Listing) -> EventPage:
        """Return events by their start, latest first."""
        return await source.events(listing)

    @router.get("/stats")
    async def event_stats(events: Filter) -> EventStats:
        """Count events; days and hours are those of the house's time zone."""
        return await source.event_stats(events)

    @router.get("/{event_id}", responses=_MISSING)
    async def event(event_id: EventId) -> EventDetail:
        """Return one event with everything that was seen, and what it said before."""
        found = await source.event(event_id)
        if found is None:
            raise problems.EventNotFoundError(event_id)
        return found

    @router.post("/{event_id}/star", responses=_MISSING)
    async def star(event_id: EventId, request: Request) -> StarReport:
        """Keep an event, with all that belongs to it, from retention."""
        return await _change_star(source, event_id, starred=True, by=await actor_of(request))

    @router.delete("/{event_id}/star", responses=_MISSING)
    async def unstar(event_id: EventId, request: Request) -> StarReport:
        """Let an event grow old like others again."""
        return await _change_star(source, event_id, starred=False, by=await actor_of(request))

    return router


async def _change_star(
    source: StatusSource, event_id: int, *, starred: bool, by: str
) -> StarReport:
    changed = await source.change_star(event_id, starred=starred, by=by)
    if changed is None:
        raise problems.EventNotFoundError(event_id)
    return changed
