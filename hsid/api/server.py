"""Serve an app on sockets, with hypercorn's HTTP on trio.

The listening is hsid's own, as hypercorn's tells neither who connected to a Unix socket nor how
many may. On a Unix socket the kernel decides by the file's mode who gets in; there is no other
lock.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio
from starlette.applications import Starlette

from hsid.api.connections import MOST_CONNECTIONS, Doorkeeper
from hsid.api.unix_socket import BACKLOG, SocketInUseError, SocketPathError, listening
from hsid.model import Seconds

__all__ = ["SocketInUseError", "SocketPathError", "serve", "serve_on"]

_GRACE: Seconds = 3.0
"""How long requests under way at the end may take."""


async def serve(
    app: Starlette,
    where: Path | socket.socket,
    *,
    ready: Callable[[], None],
    stopping: trio.Event,
    most_connections: int = MOST_CONNECTIONS,
) -> None:
    """Serve *app* until *stopping* is set, on a Unix socket at a path or on one that was passed.

    Calls *ready* once connections are accepted. Requests under way at the end get 3 s to finish.
    The file of a socket that was passed, as by systemd, is whoever's who made it.

    Raises:
        SocketPathError: The path is too long, taken, or not ours to write.

    *Cancellation* drops requests under way; a socket that was made is removed as well.
    """
    with _listener(where) as listener:
        await serve_on(
            app, [listener], ready=ready, stopping=stopping, most_connections=most_connections
        )


async def serve_on(
    app: Starlette,
    listeners: Sequence[socket.socket],
    *,
    ready: Callable[[], None],
    stopping: trio.Event,
    most_connections: int = MOST_CONNECTIONS,
) -> None:
    """Serve *app* on *listeners*, which are bound, as `serve` does; they are closed at the end."""
    keeper = Doorkeeper(app, most=most_connections)
    for listener in listeners:
        listener.setblocking(False)
        listener.listen(BACKLOG)
    accepted = [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in listeners]
    async with trio.open_nursery() as inside:
        async with trio.open_nursery() as accepting:
            serve_all = partial(trio.serve_listeners, handler_nursery=inside)
            accepting.start_soon(serve_all, keeper.let_in, accepted)
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
        with where:
            yield where
