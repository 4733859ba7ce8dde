"""The routes about what is logged."""

from fastapi import APIRouter, Request

from hsid.api.audit import Audit
from hsid.api.levels import LevelControl
from hsid.api.log_models import LevelAsked, LevelList, LevelReport


def routes(levels: LevelControl, audit: Audit) -> APIRouter:
    """Return the routes over *levels*, whose changes *audit* records."""
    router = APIRouter(prefix="/v1/log-levels")

    @router.get("")
    async def list_all() -> LevelList:
        """Return the loggers that have a level of their own."""
        return levels.list_all()

    @router.put("")
    async def change(asked: LevelAsked, request: Request) -> LevelReport:
        """Have a logger, and those below it, log from a level on; for a while, if that is said."""
        details = asked.model_dump(exclude_none=True, exclude={"logger"})
        seconds = details.pop("for_seconds", None)
        if seconds is not None:
            details["for_seconds"] = round(seconds)
        async with audit.change(request, "log.level", asked.logger or "root", **details):
            return levels.set(asked)

    return router
