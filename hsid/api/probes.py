"""What machines ask a daemon: its metrics, and whether it lives and works.

Says nothing that a stranger should not read but the cameras' ids, among the metrics: what is wrong
is told in words by `hsictl status` only.
"""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hsid.observe.health import HealthState
from hsid.observe.metrics import Pages

_RUNNING = "running"
"""The state of a root that has started and was not asked to stop."""
_NOT_STORED = {"Cache-Control": "no-store"}


def create_probes_app(pages: Pages) -> Starlette:
    """Return the app that answers from *pages*."""

    async def metrics(request: Request) -> Response:
        """Return the page, as OpenMetrics where that is asked for."""
        page = await pages.page(request.headers.get("accept"))
        return Response(page.content, headers={"Content-Type": page.content_type})

    async def healthz(_: Request) -> Response:
        """Say that the event loop turns: whoever gets no answer may restart the daemon."""
        return JSONResponse({"status": "alive"}, headers=_NOT_STORED)

    async def readyz(_: Request) -> Response:
        """Say whether all of the work is done: 503 while it starts or stops, or has a trouble."""
        state = await pages.state()
        is_ready = state.tree.state == _RUNNING and state.health.state is HealthState.OK
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        body = {"status": "ready"} if is_ready else {"status": "not ready", "hint": "hsictl status"}
        return JSONResponse(body, status_code=status, headers=_NOT_STORED)

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ]
    )
