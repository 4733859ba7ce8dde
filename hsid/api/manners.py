"""What every request and answer keeps to: bodies that are small and come in time, and two headers.

A body is read before the request is acted on, so nothing is half done for one that never ends. Each
answer carries `Hsid-Api`, by which a client knows whether it speaks the same language, and the
`X-Request-Id` that the log's lines about the request have.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import trio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hsid.api.models import API_VERSION
from hsid.api.problems import respond
from hsid.model import Seconds
from hsid.observe.logging import set_request_id

LARGEST_BODY = 64 * 1024
"""Bytes; what is asked of hsid fits into a few hundred."""
_BODY_PATIENCE: Seconds = 10.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class _BodyTooLargeError(Exception):
    """More came than `LARGEST_BODY`."""


class Manners:
    """Wraps *app*."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with _request_id(Headers(scope=scope)) as request_id:
            polite = _with_headers(send, request_id)
            try:
                with trio.fail_after(_BODY_PATIENCE):
                    body = await _read(receive)
            except _BodyTooLargeError:
                await _too_large()(scope, receive, polite)
            except trio.TooSlowError:
                await _too_slow()(scope, receive, polite)
            else:
                await self._app(scope, _replaying(body, receive), polite)


@contextmanager
def _request_id(headers: Headers) -> Iterator[str]:
    given = headers.get("x-request-id", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    set_request_id(request_id)
    try:
        yield request_id
    finally:
        set_request_id(None)


def _with_headers(send: Send, request_id: str) -> Send:
    async def polite(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Hsid-Api"] = str(API_VERSION)
            headers["X-Request-Id"] = request_id
        await send(message)

    return polite


async def _read(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise _BodyTooLargeError
    return bytes(body)


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives *body* in one piece, and then what comes after it."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _too_large() -> Response:
    return _closing(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        f"A body may have {LARGEST_BODY} bytes.",
        "Send several requests, each about fewer things.",
    )


def _too_slow() -> Response:
    return _closing(
        HTTPStatus.REQUEST_TIMEOUT,
        "body-too-slow",
        f"The body did not come within {_BODY_PATIENCE:g} s.",
        "Send the request again, all of it at once.",
    )


def _closing(status: HTTPStatus, kind: str, detail: str, hint: str) -> Response:
    """Return a problem after which the connection ends: what is left of the body is not read."""
    response = respond(status, kind, detail, hint)
    response.headers["Connection"] = "close"
    return response
