"""Listening on TCP: the sockets for a host and a port.

Guarantees all addresses of the host or none. Who may connect is decided by the address alone: a
loopback address lets in whoever has an account on this machine, any other the network.
"""

import socket
from collections.abc import Callable

import trio


class ListenError(Exception):
    """The address can't be listened on: it is taken, not this machine's, or not allowed."""


async def passed_or_opened(
    passed: Callable[[], socket.socket | None], host: str, port: int
) -> list[socket.socket]:
    """Return the socket that *passed* gives, else those of `open_listeners`.

    Raises:
        ListenError: There is neither.
    """
    given = passed()
    return await open_listeners(host, port) if given is None else [given]


async def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Return sockets that are bound to every address of *host*, at *port*.

    Raises:
        ListenError: Not one of them is open then.
    """
    opened: list[socket.socket] = []
    try:
        found = await trio.socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in found:
            opened.append(socket.socket(family, kind, protocol))
            _bind(opened[-1], address)
    except OSError as error:
        for each in opened:
            each.close()
        raise ListenError(f"{host} port {port}: {error.strerror or error}") from error
    return opened


def _bind(listener: socket.socket, address: tuple[object, ...]) -> None:
    listener.setblocking(False)
    # A daemon that was restarted must not wait for the last packets of the one before.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(address)
