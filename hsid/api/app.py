"""The HTTP API: questions about the house, and stars for its events, under `/v1/`.

Holds no state and knows no database: everything comes from a `StatusSource`. Every error is a
problem document (`hsid.api.problems`). No page of it loads anything from elsewhere.
"""

from typing import Annotated

from fastapi import FastAPI, Path, Query

from hsid import __version__
from hsid.api import problems
from hsid.api.asking import LARGEST_ID, EventFilter, EventListing
from hsid.api.models import (
    EventDetail,
    EventPage,
    EventStats,
    Index,
    Problem,
    StarReport,
    StatusReport,
)
from hsid.api.source import StatusSource

EventId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Filter = Annotated[EventFilter, Query()]
Listing = Annotated[EventListing, Query()]


def create_app(source: StatusSource) -> FastAPI:
    """Return the app that answers from *source*."""
    app = FastAPI(
        title="hsid",
        version=__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # the stock pages load their scripts from a CDN
        redoc_url=None,
        responses={422: {"model": Problem, "description": "A parameter is not valid."}},
    )
    problems.install(app)

    @app.get("/v1/")
    async def index() -> Index:
        """List what there is to ask for."""
        return Index(endpoints=tuple(app.openapi()["paths"]))

    @app.get("/v1/status")
    async def status() -> StatusReport:
        """Return the accounting, the queues and the actors."""
        return await source.status()

    @app.get("/v1/events", responses={404: {"model": Problem}})
    async def events(listing: Listing) -> EventPage:
        """Return events by their start, latest first."""
        return await source.events(listing)

    @app.get("/v1/events/stats")
    async def event_stats(events: Filter) -> EventStats:
        """Count events; days and hours are those of the house's time zone."""
        return await source.event_stats(events)

    @app.get("/v1/events/{event_id}", responses={404: {"model": Problem}})
    async def event(event_id: EventId) -> EventDetail:
        """Return one event with everything that was seen, and what it said before."""
        found = await source.event(event_id)
        if found is None:
            raise problems.EventNotFoundError(event_id)
        return found

    @app.post("/v1/events/{event_id}/star", responses={404: {"model": Problem}})
    async def star(event_id: EventId) -> StarReport:
        """Keep an event, with all that belongs to it, from retention."""
        return await _change_star(source, event_id, starred=True)

    @app.delete("/v1/events/{event_id}/star", responses={404: {"model": Problem}})
    async def unstar(event_id: EventId) -> StarReport:
        """Let an event grow old like others again."""
        return await _change_star(source, event_id, starred=False)

    return app


async def _change_star(source: StatusSource, event_id: int, *, starred: bool) -> StarReport:
    changed = await source.change_star(event_id, starred=starred)
    if changed is None:
        raise problems.EventNotFoundError(event_id)
    return changed
