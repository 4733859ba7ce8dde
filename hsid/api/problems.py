"""Errors as people and programs can use them: `application/problem+json` with a hint (RFC 9457).

Every error that leaves the API has this form, those of the framework included. An unforeseen one
says nothing about its inside: that is in the log.
"""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hsid.api.asking import in_words
from hsid.api.models import Problem
from hsid.api.queues import LetterNotFoundError, QueueNotFoundError
from hsid.api.streams import TooManyStreamsError
from hsid.api.tree import (
    ActorIsSupervisorError,
    ActorNeededError,
    ActorNotFoundError,
    ActorRefusedError,
)
from hsid.controls import ReloadRefusedError
from hsid.queues.protocol import QueueUnavailableError
from hsid.store.errors import StoreUnavailableError
from hsid.store.search import UnknownPositionError
from supervision import SupervisionError

INDEX_HINT = "GET /v1/ lists what there is."

_FORESEEN: Mapping[type[Exception], tuple[HTTPStatus, str, str]] = {
    ActorNotFoundError: (
        HTTPStatus.NOT_FOUND,
        "no-such-actor",
        "GET /v1/actors lists them; `hsictl actor list` does, too.",
    ),
    ActorNeededError: (
        HTTPStatus.CONFLICT,
        "actor-needed",
        "Restart the daemon as a whole instead, with `systemctl restart hsid` for example.",
    ),
    ActorRefusedError: (
        HTTPStatus.CONFLICT,
        "actor-refused",
        "One that failed to start stays down until it is started again: `hsictl actor start NAME`.",
    ),
    ActorIsSupervisorError: (
        HTTPStatus.CONFLICT,
        "actor-refused",
        "A pattern means all of them: `hsictl actor pause 'pipeline/*'` for example.",
    ),
    SupervisionError: (
        HTTPStatus.CONFLICT,
        "daemon-refused",
        "`hsictl tree` shows what is down; `hsictl actor start NAME` starts it.",
    ),
    QueueNotFoundError: (
        HTTPStatus.NOT_FOUND,
        "no-such-queue",
        "GET /v1/queues lists them; `hsictl queue list` does, too.",
    ),
    LetterNotFoundError: (
        HTTPStatus.NOT_FOUND,
        "no-such-letter",
        "GET /v1/dead-letters lists them; `hsictl dlq list` does, too.",
    ),
    ReloadRefusedError: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-configuration",
        "Nothing has changed; mend the file and reload again. `hsid check-config` checks it, too.",
    ),
    TooManyStreamsError: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "too-many-streams",
        "End one of them: each `hsictl events tail -f` is one.",
    ),
    QueueUnavailableError: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "queue-unavailable",
        "The daemon goes on by itself once the queue can be reached again.",
    ),
}
"""The answer to each error that a change or a look may end in: status, type, hint."""


class EventNotFoundError(Exception):
    """The store has no event of this id: it never had, or retention removed it."""

    def __init__(self, event_id: int) -> None:
        super().__init__(f"There is no event {event_id}.")


def respond(status: HTTPStatus, slug: str, detail: str, hint: str) -> JSONResponse:
    """Return the response for a problem; *slug* is stable, programs may compare it."""
    problem = Problem(
        type=f"urn:hsid:problem:{slug}",
        title=status.phrase,
        status=status.value,
        detail=detail,
        hint=hint,
    )
    return JSONResponse(
        problem.model_dump(), status_code=status, media_type="application/problem+json"
    )


def install(app: FastAPI) -> None:
    """Have *app* answer every error as a problem."""
    app.exception_handler(EventNotFoundError)(_event_not_found)
    app.exception_handler(StoreUnavailableError)(_store_unavailable)
    app.exception_handler(UnknownPositionError)(_event_not_found)
    for kind in _FORESEEN:
        app.exception_handler(kind)(_foreseen)
    app.exception_handler(RequestValidationError)(_invalid_request)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(Exception)(_unforeseen)


async def _event_not_found(_request: Request, error: Exception) -> JSONResponse:
    hint = "GET /v1/events lists the events that are stored."
    return respond(HTTPStatus.NOT_FOUND, "no-such-event", str(error), hint)


async def _foreseen(_request: Request, error: Exception) -> JSONResponse:
    kind = next(kind for kind in type(error).__mro__ if kind in _FORESEEN)
    status, slug, hint = _FORESEEN[kind]
    return respond(status, slug, str(error), hint)


async def _store_unavailable(_request: Request, error: StoreUnavailableError) -> JSONResponse:
    hint = "The daemon goes on by itself once the database can be used again."
    return respond(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", str(error), hint)


async def _invalid_request(_request: Request, error: RequestValidationError) -> JSONResponse:
    hint = "GET /v1/openapi.json describes every parameter."
    faults = in_words(error.errors())
    return respond(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-parameter", faults, hint)


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    status = HTTPStatus(error.status_code)
    slug = status.name.lower().replace("_", "-")
    response = respond(status, slug, f"{request.method} {request.url.path}", INDEX_HINT)
    response.headers.update(error.headers or {})
    return response


async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
    return respond(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal-error",
        "The daemon could not answer.",
        "The log of the daemon tells why.",
    )
