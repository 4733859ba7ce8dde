"""Events as they happen, one JSON object a line, for as long as the reader keeps up.

The first line says `open`: what happens from then on is told. The last says why there is no more:
`lagged`, the reader took too little and was dropped; `over`, the daemon ends. A reader that takes
nothing at all is cut off without that line.
"""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, TypeAlias

import trio
from fastapi import FastAPI, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from hsid.api.asking import EventListing
from hsid.api.models import EventReport, Problem
from hsid.api.source import StatusSource
from hsid.live import End, Listening
from hsid.model import Event, Severity

MOST_STREAMS = 16
"""At once, so that those who follow leave room for those who ask."""

SendLine: TypeAlias = Callable[[dict[str, object]], Awaitable[None]]


class TooManyStreamsError(Exception):
    """As many follow as may."""

    def __init__(self) -> None:
        super().__init__(f"{MOST_STREAMS} readers follow the events; there are no more.")


class LiveFilter(BaseModel):
    """Which events are told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera: Annotated[str, Field(max_length=400)] | None = Field(None, description="Of this one.")
    level: Severity | None = Field(None, description="Exactly this level.")
    min_score: int = Field(0, ge=0, le=100, description="With this risk score or more.")
    last: int = Field(0, ge=0, le=200, description="So many earlier ones before.")
    follow: bool = Field(default=True, description="Go on with those that happen.")

    def has(self, event: Event | EventReport) -> bool:
        """Tell whether *event* is one of them."""
        return (
            self.camera in (None, event.camera_id)
            and self.level in (None, event.risk_level)
            and event.risk_score >= self.min_score
        )


class LinesResponse(Response):
    """Sends what *produce* writes, line by line, and ends it when the reader has gone."""

    media_type = "application/x-ndjson"

    def __init__(self, produce: Callable[[SendLine], Awaitable[None]]) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]  # nobody knows
        self._produce = produce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request of *scope*."""

        async def send_line(line: dict[str, object]) -> None:
            body = f"{json.dumps(line)}\n".encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})

        del scope  # the same answer to everybody
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when_gone, receive, nursery.cancel_scope)
            await self._produce(send_line)
            nursery.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def install(app: FastAPI, source: StatusSource) -> None:
    """Give *app* the streams of *source*."""

    @app.get(
        "/v1/live/events",
        status_code=HTTPStatus.OK,
        response_class=LinesResponse,
        responses={503: {"model": Problem}},
    )
    async def live_events(wanted: Annotated[LiveFilter, Query()]) -> LinesResponse:
        """Tell events as they are judged, one JSON object a line; see docs/control.md."""
        if source.live.listeners >= MOST_STREAMS:
            raise TooManyStreamsError

        async def produce(send_line: SendLine) -> None:
            with source.live.listen() as listening:
                await send_line({"type": "open"})
                await _send_earlier(source, wanted, send_line)
                if not wanted.follow:
                    listening.close(End.OVER)
                await _send_live(listening, wanted, send_line)

        return LinesResponse(produce)


async def _send_earlier(source: StatusSource, wanted: LiveFilter, send_line: SendLine) -> None:
    if not wanted.last:
        return
    asked = {"camera": wanted.camera, "level": wanted.level, "limit": wanted.last}
    listing = EventListing.model_validate(asked)
    page = await source.events(listing)
    for report in reversed(page.events):
        if wanted.has(report):
            await send_line(_line(report))


async def _send_live(listening: Listening[Event], wanted: LiveFilter, send_line: SendLine) -> None:
    async for event in listening:
        if wanted.has(event):
            await send_line(_line(EventReport.of(event, starred=False)))
    await send_line({"type": str(listening.end)})


def _line(report: EventReport) -> dict[str, object]:
    """Return the line of an event; whether it has a star is not told live."""
    return {"type": "event", "event": report.model_dump(mode="json", exclude={"starred"})}


async def _cancel_when_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
