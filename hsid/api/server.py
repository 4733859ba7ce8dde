"""Serve an app on a Unix socket, with hypercorn's HTTP on trio.

The listening is hsid's own, as hypercorn's does not tell who connected. Who may connect is decided
by the kernel through the mode of the socket's file; there is no other lock.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio
from fastapi import FastAPI

from hsid.api.connections import MOST_CONNECTIONS, Doorkeeper
from hsid.api.unix_socket import SocketInUseError, SocketPathError, listening
from hsid.model import Seconds

__all__ = ["SocketInUseError", "SocketPathError", "serve"]

_GRACE: Seconds = 3.0
"""How long requests under way at the end may take."""


async def serve(
    app: FastAPI,
    where: Path | socket.socket,
    *,
    ready: Callable[[], None],
    stopping: trio.Event,
    most_connections: int = MOST_CONNECTIONS,
) -> None:
    """Serve *app* until *stopping* is set, on a Unix socket at a path or on one that listens.

    Calls *ready* once connections are accepted. Requests under way at the end get 3 s to finish.
    A socket that was handed in, as by systemd, is left as it is.

    Raises:
        SocketPathError: The path is too long, taken, or not ours to write.

    *Cancellation* drops requests under way; a socket that was made is removed as well.
    """
    keeper = Doorkeeper(app, most=most_connections)
    with _listener(where) as listener:
        async with trio.open_nursery() as inside:
            async with trio.open_nursery() as accepting:
                accepting.start_soon(
                    partial(
                        trio.serve_listeners,
                        keeper.let_in,
                        [trio.SocketListener(trio.socket.from_stdlib_socket(listener))],
                        handler_nursery=inside,
                    )
                )
                ready()
                await stopping.wait()
                accepting.cancel_scope.cancel()
            await keeper.close()
            inside.cancel_scope.deadline = trio.current_time() + _GRACE


@contextmanager
def _listener(where: Path | socket.socket) -> Iterator[socket.socket]:
    if isinstance(where, Path):
        with listening(where) as listener:
            yield listener
    else:
        # A copy: what serves closes it at its end, and the next one needs the original.
        with where.dup() as listener:
            listener.setblocking(False)
            yield listener
