"""The HTTP API under `/v1/`, put together from its parts.

Holds no state and knows no database: everything comes from a `StatusSource`, and changes go through
`Levers`. Every error is a problem document (`hsid.api.problems`). No page of it loads anything
from elsewhere.
"""

from typing import Annotated

from fastapi import FastAPI, Query

from hsid import __version__
from hsid.api import changes, events, problems, streams
from hsid.api.changes import Levers, Limit
from hsid.api.house_models import CameraList, ChangeList, GpuList
from hsid.api.log_models import LatencyReport, LineList, LogListing
from hsid.api.manners import Manners
from hsid.api.models import Index, Problem, StatusReport
from hsid.api.source import StatusSource

Window = Annotated[int, Query(ge=1, le=1440, description="How many minutes.")]


def create_app(source: StatusSource, levers: Levers | None = None) -> FastAPI:
    """Return the app that answers from *source*, and changes things through *levers*.

    Without *levers* the machinery can't be seen nor changed: what a door may do is decided where
    the door is made.
    """
    app = FastAPI(
        title="hsid",
        version=__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # the stock pages load their scripts from a CDN
        redoc_url=None,
        redirect_slashes=False,  # every answer is a document, never "look elsewhere"
        responses={422: {"model": Problem, "description": "A parameter is not valid."}},
    )
    problems.install(app)
    app.add_middleware(Manners)
    _install_looks(app, source)
    streams.install(app, source)
    app.include_router(events.routes(source))
    if levers is not None:
        changes.install(app, levers)
    return app


def _install_looks(app: FastAPI, source: StatusSource) -> None:
    @app.get("/v1/")
    async def index() -> Index:
        """List what there is to ask for."""
        return Index(endpoints=tuple(app.openapi()["paths"]))

    @app.get("/v1/status")
    async def status() -> StatusReport:
        """Return the accounting, the queues and the actors."""
        return await source.status()

    @app.get("/v1/cameras")
    async def cameras() -> CameraList:
        """Return all cameras, and when they were last heard of."""
        return await source.cameras()

    @app.get("/v1/gpus")
    async def gpus() -> GpuList:
        """Return the graphics cards at the last look."""
        return await source.gpus()

    @app.get("/v1/latency")
    async def latency(window_minutes: Window = 60) -> LatencyReport:
        """Return how long uploads took from step to step in the last minutes, on this node."""
        return await source.latency(window_minutes)

    @app.get("/v1/logs")
    async def logs(listing: Annotated[LogListing, Query()]) -> LineList:
        """Return lines of the log, as far as it is in the database, the latest first."""
        return await source.logs(listing)

    @app.get("/v1/changes")
    async def recorded(limit: Limit = 20) -> ChangeList:
        """Return the latest changes that somebody asked for, the latest first."""
        return await source.changes(limit)
