"""Errors as people and programs can use them: `application/problem+json` with a hint (RFC 9457).

Every error that leaves the API has this form, those of the framework included. An unforeseen one
says nothing about its inside: that is in the log.
"""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hsid.api.asking import in_words
from hsid.api.models import Problem
from hsid.store.errors import StoreUnavailableError
from hsid.store.search import UnknownPositionError

INDEX_HINT = "GET /v1/ lists what there is."


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
    app.exception_handler(RequestValidationError)(_invalid_request)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(Exception)(_unforeseen)


async def _event_not_found(_request: Request, error: Exception) -> JSONResponse:
    hint = "GET /v1/events lists the events that are stored."
    return respond(HTTPStatus.NOT_FOUND, "no-such-event", str(error), hint)


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
