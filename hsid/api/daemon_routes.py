"""The routes that turn the daemon as a whole: reload, drain, resume, stop."""

from fastapi import APIRouter, Request

from hsid.api.audit import Audit
from hsid.api.daemon_models import Acknowledged, DrainAsked, Drained, Reloaded, StopAsked
from hsid.api.models import Problem
from hsid.controls import Controls


def routes(daemon: Controls, audit: Audit) -> APIRouter:
    """Return the routes over *daemon*, whose changes *audit* records."""
    router = APIRouter(prefix="/v1/daemon")

    @router.post("/reload", responses={422: {"model": Problem}})
    async def reload(request: Request) -> Reloaded:
        """Read all settings anew and take up what can be; refused ones change nothing."""
        async with audit.change(request, "daemon.reload") as record:
            report = await daemon.reload()
            record.details["applied"] = ", ".join(report.applied)
            record.details["needs_restart"] = ", ".join(report.needs_restart)
            return Reloaded(applied=report.applied, needs_restart=report.needs_restart)

    @router.post("/drain")
    async def drain(asked: DrainAsked, request: Request) -> Drained:
        """Take no new work, and wait until what is in hand is finished."""
        async with audit.change(request, "daemon.drain") as record:
            report = await daemon.drain(asked.within_seconds)
            record.details["left"] = report.left
            return Drained(finished=report.is_finished, left=report.left)

    @router.post("/resume")
    async def resume(request: Request) -> Acknowledged:
        """Take work again after a drain."""
        async with audit.change(request, "daemon.resume"):
            await daemon.resume()
            return Acknowledged()

    @router.post("/stop")
    async def stop(asked: StopAsked, request: Request) -> Acknowledged:
        """Begin to stop; answered at once, as nobody answers afterwards."""
        # Recorded first: the database goes with the daemon.
        async with audit.change(request, "daemon.stop", urgent=asked.urgent):
            pass
        daemon.stop(urgent=asked.urgent)
        return Acknowledged()

    return router
