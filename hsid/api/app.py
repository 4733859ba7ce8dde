"""The HTTP API: read-only questions about the house, under `/v1/`.

Holds no state and knows no database: everything comes from a `StatusSource`. Every error is a
problem document (`hsid.api.problems`). No page of it loads anything from elsewhere.
"""

from typing import Annotated

from fastapi import FastAPI, Path, Query

from hsid import __version__
from hsid.api import problems
from hsid.api.models import EventDetail, EventPage, Index, Problem, StatusReport
from hsid.api.source import StatusSource

MOST_EVENTS = 200
"""Largest page: what can be written in one go without holding up the event loop."""
LARGEST_ID = 2**63 - 1
"""Largest integer that both databases hold."""

EventId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Limit = Annotated[int, Query(ge=1, le=MOST_EVENTS, description="How many at most.")]
Before = Annotated[
    int | None, Query(ge=1, le=LARGEST_ID, description="Id of an event: only those after it.")
]


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

    @app.get("/v1/events")
    async def events(limit: Limit = 20, before: Before = None) -> EventPage:
        """Return events by their start, latest first."""
        return await source.events(limit=limit, before=before)

    @app.get("/v1/events/{event_id}", responses={404: {"model": Problem}})
    async def event(event_id: EventId) -> EventDetail:
        """Return one event with everything that was seen."""
        found = await source.event(event_id)
        if found is None:
            raise problems.EventNotFoundError(event_id)
        return found

    return app
