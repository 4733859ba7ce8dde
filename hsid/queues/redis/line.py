"""The client library's connections, made so that another thread may cut them off.

The event loop never closes a socket that a worker thread is in: its number could be given to
another connection meanwhile. It shuts it down, and the thread closes it.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, cast

import redis
from redis import exceptions

from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.errors import RedisHandshakeError, RedisTlsError, RedisUnreachableError

_HISTORY = re.compile(r"^master_replid:(\w+)", re.MULTILINE)
_HANDSHAKE = "handshake"  # a time-out of it is known by its words alone


class RedisLine:
    """What a client's one connection shares with the event loop.

    Args:
        address: Where it leads.
    """

    def __init__(self, address: RedisAddress) -> None:
        self.where = address.masked
        self.client_id: int | None = None
        """How the server calls the present connection."""
        self.version: str | None = None
        """The server's version."""
        self.history: str | None = None
        """Another one after a restart of the server and after a failover; None if not allowed."""
        self._socket: socket.socket | None = None
        self._is_cut = False
        self._closing = Lock()  # held for a system call: no socket is closed while it is shut down
        options = address.options()
        options["connection_class"] = _CLASSES[options["connection_class"]]
        options |= {"max_connections": 1, "line": self, "redis_connect_func": _greet}
        self._pool = redis.ConnectionPool(**options)
        self.client = redis.Redis(connection_pool=self._pool)
        """Only for the thread that has been given the connection."""

    def cut(self) -> bool:
        """End the connection for the thread that uses it; it will make no other one.

        Returns:
            Whether the thread ends at once. It does not while it is still connecting: it sends
            nothing then, and closes what it has made.
        """
        self._is_cut = True  # before the look: the thread looks the other way round
        with self._closing:
            if self._socket is None:
                return False
            # One that the server has ended already can't be shut down and needs not to be.
            with suppress(OSError):
                # The plain socket's: TLS would change the state that the thread works with.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        return True

    def close(self) -> None:
        """Close the connection, which no thread uses now."""
        self._pool.disconnect()

    def attach(self, sock: socket.socket) -> None:
        """Take note of the socket of a new connection, before anything is sent on it."""
        self._socket = sock
        if self._is_cut:
            sock.close()
            raise exceptions.ConnectionError("the call was cancelled")

    def detach(self) -> None:
        """Forget the socket: its connection is about to be closed."""
        with self._closing:
            self._socket = None
        self.client_id = None

    def greeted(self, hello: Mapping[str, Any]) -> None:
        """Take note of what the server said about itself."""
        self.client_id = int(hello["id"])
        self.version = str(hello["version"])


class _OnLine(redis.connection.AbstractConnection):
    """Mixed into the library's connections: tells its line about each socket."""

    def __init__(self, *, line: RedisLine, **options: Any) -> None:
        self._line = line
        super().__init__(**options)

    @property
    def line(self) -> RedisLine:
        return self._line

    def _connect(self) -> socket.socket:
        try:
            sock = cast("socket.socket", super()._connect())  # type: ignore[safe-super, no-untyped-call]
        except ssl.SSLError as error:
            raise RedisTlsError(self._line.where, str(error)) from error
        except OSError as error:
            fault = RedisHandshakeError if _HANDSHAKE in str(error) else RedisUnreachableError
            raise fault(self._line.where, str(error)) from error
        self._line.attach(sock)
        return sock

    def disconnect(self, *args: object, **options: object) -> None:
        self._line.detach()
        super().disconnect(*args, **options)  # type: ignore[no-untyped-call]


class _OnTcp(_OnLine, redis.Connection):
    pass


class _OnTls(_OnLine, redis.SSLConnection):
    pass


class _OnUnixSocket(_OnLine, redis.UnixDomainSocketConnection):
    pass


_CLASSES: Mapping[type, type] = {
    redis.Connection: _OnTcp,
    redis.SSLConnection: _OnTls,
    redis.UnixDomainSocketConnection: _OnUnixSocket,
}


def _greet(connection: _OnLine) -> None:
    """Log in as the library does, then ask how the server calls the connection."""
    connection.on_connect()  # type: ignore[no-untyped-call]
    connection.send_command("HELLO", check_health=False)  # type: ignore[no-untyped-call]
    reply = connection.read_response()
    connection.line.greeted(dict(zip(reply[::2], reply[1::2], strict=True)))
    connection.line.history = _history_of(connection)


def _history_of(connection: _OnLine) -> str | None:
    """Ask for the id that the server's replication gives to the history of its data."""
    connection.send_command("INFO", "replication", check_health=False)  # type: ignore[no-untyped-call]
    try:
        facts = str(connection.read_response())
    except exceptions.NoPermissionError:
        return None
    found = _HISTORY.search(facts)
    return None if found is None else found[1]
