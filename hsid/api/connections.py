"""One connection after the other, with bounds: how many at once, and how long they may dawdle.

hypercorn speaks HTTP; what it does not bound itself is bounded here. A connection beyond the bound
is told so and closed, a reader who takes nothing for a while is cut off, and a connection that
fails in an unforeseen way takes no other with it.
"""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from socket import AF_UNIX
from typing import cast

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from hypercorn.utils import wrap_app
from starlette.applications import Starlette

from hsid.api.peer import peer_of
from hsid.api.problems import respond
from hsid.model import Seconds

MOST_CONNECTIONS = 64
"""At once; operators and their scripts need a handful."""
_MOST_TURNED_AWAY = 16
_SEND_PATIENCE: Seconds = 10.0
"""How long a reader may take nothing of what was sent to it."""
_LISTEN_PATIENCE: Seconds = 1.0
"""How long one that is turned away may take to say what it wanted."""

_log = logging.getLogger(__name__)


class Doorkeeper:
    """Has *app* answer connections, each with the peer that it comes from in its state."""

    def __init__(self, app: Starlette, *, most: int = MOST_CONNECTIONS) -> None:
        self._app = wrap_app(cast("ASGIFramework", app), 0, "asgi")  # the same, spelt otherwise
        self._most = most
        self._config = _config()
        self._context = WorkerContext(None)
        self._inside = 0
        self._turned_away = 0

    async def close(self) -> None:
        """Have connections end that have nothing to do."""
        await self._context.terminated.set()

    async def let_in(self, stream: trio.SocketStream) -> None:
        """Answer what comes through *stream*, to its end."""
        if self._inside >= self._most:
            await self._turn_away(stream)
            return
        self._inside += 1
        try:
            await self._converse(stream)
        except Exception:  # noqa: BLE001 - whatever it is, it is this connection's alone
            _log.exception("connection_failed")
        finally:
            self._inside -= 1
            await trio.aclose_forcefully(stream)

    async def _converse(self, stream: trio.SocketStream) -> None:
        is_local = stream.socket.family == AF_UNIX
        state = ConnectionState({"peer": peer_of(stream.socket) if is_local else None})
        patient = cast("trio.SSLStream[trio.SocketStream]", _PatientStream(stream))
        await _Server(self._app, self._config, self._context, state, patient).run()

    async def _turn_away(self, stream: trio.SocketStream) -> None:
        self._turned_away += 1
        try:
            if self._turned_away <= _MOST_TURNED_AWAY:
                with trio.move_on_after(_LISTEN_PATIENCE):
                    # Heard first: a writer whose listener is gone never reads what it is told.
                    await stream.receive_some()
                    await stream.send_all(_too_many(self._most))
        except trio.BrokenResourceError:
            _log.debug("turned_away_left")
        finally:
            self._turned_away -= 1
            await trio.aclose_forcefully(stream)


class _Server(TCPServer):
    """hypercorn's, but that the connection of who has left is no longer kept alive."""

    async def _idle_timeout(self) -> None:
        with trio.move_on_after(self.config.keep_alive_timeout):
            async with trio.open_nursery() as nursery:
                for end in (self.context.terminated.wait, self.stream.is_over.wait):
                    nursery.start_soon(_then_cancel, end, nursery.cancel_scope)
        with trio.CancelScope(shield=True):  # as hypercorn has it: it closes, and waits for nobody
            await self._initiate_server_close()


async def _then_cancel(wait: Callable[[], Awaitable[None]], scope: trio.CancelScope) -> None:
    await wait()
    scope.cancel()


class _PatientStream:
    """A stream for hypercorn whose sending ends when nobody takes anything."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.socket = stream.socket
        self.send_eof = stream.send_eof
        self.aclose = stream.aclose
        self.is_over = trio.Event()
        """Set once the other end sends no more."""

    async def receive_some(self, most: int) -> bytes:
        try:
            data = await self._stream.receive_some(most)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.is_over.set()
            raise
        if not data:
            self.is_over.set()
        return data

    async def send_all(self, data: bytes) -> None:
        with trio.move_on_after(_SEND_PATIENCE) as patience:
            await self._stream.send_all(data)
        if patience.cancelled_caught:
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("the reader takes nothing")


def _config() -> Config:
    """Return hypercorn's settings: its limits on headers and idle time, hsid's log."""
    config = Config()
    config.errorlog = logging.getLogger("hypercorn.error")
    config.errorlog.setLevel(logging.WARNING)
    config.include_server_header = False
    return config


def _too_many(most: int) -> bytes:
    response = respond(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "too-many-connections",
        f"{most} connections are open; there are no more.",
        "End some of them, `hsictl events tail -f` for example.",
    )
    headers = [(b"connection", b"close"), *response.raw_headers]
    lines = [b"HTTP/1.1 503 Service Unavailable", *(b": ".join(each) for each in headers)]
    return b"\r\n".join([*lines, b"", bytes(response.body)])
