"""Serve an app on a Unix socket.

Guarantees: the socket never accepts anybody before its mode is 0660; a socket that somebody
answers on is left alone, one that a killed daemon left behind is replaced; nothing but a socket
is ever removed; at the end our own socket goes, and only our own. Who may connect is decided by
the kernel through the file mode; there is no other lock.
"""

import errno
import logging
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import trio
from fastapi import FastAPI
from hypercorn.config import Config, Sockets
from hypercorn.trio import serve as serve_hypercorn
from hypercorn.typing import ASGIFramework

SOCKET_MODE = 0o660
LONGEST_PATH = 107
"""Bytes that fit into `sockaddr_un.sun_path` with its closing NUL."""


class SocketPathError(Exception):
    """The control socket can't be made where it was configured; the message says why."""


class SocketInUseError(SocketPathError):
    """Another process answers on the socket: a second daemon with the same path."""


async def serve(
    app: FastAPI, path: Path | socket.socket, *, ready: Callable[[], None], stopping: trio.Event
) -> None:
    """Serve *app* on a Unix socket at *path* until *stopping* is set.

    Instead of a path it may be a socket that listens already: its file is whoever's who made it.
    Calls *ready* once connections are accepted. Requests under way at the end get 3 s to finish.

    Raises:
        SocketPathError: The path is too long, taken, or not ours to write.

    *Cancellation* drops requests under way; the socket is removed as well.
    """
    with path if isinstance(path, socket.socket) else _bound(path) as listener:
        async with trio.open_nursery() as nursery:
            config = _Config(listener)
            await nursery.start(
                partial(
                    serve_hypercorn,
                    cast("ASGIFramework", app),  # the same protocol, spelt in other types
                    config,
                    shutdown_trigger=stopping.wait,
                )
            )
            ready()


class _Config(Config):
    """hypercorn on a socket that is bound already, logging to hsid's log what matters."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__()
        self._listener = listener
        self.errorlog = logging.getLogger("hypercorn.error")
        self.errorlog.setLevel(logging.WARNING)
        self.include_server_header = False

    def create_sockets(self) -> Sockets:
        return Sockets(secure_sockets=[], insecure_sockets=[self._listener], quic_sockets=[])


@contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    """Bind a socket at *path*; remove its file at the end.

    It does not listen yet, so that nobody gets in before the mode is set, whatever the umask.
    """
    _check_length(path)
    _make_room(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(os.fspath(path))
            path.chmod(SOCKET_MODE)
            ours = path.stat()
        except OSError as error:
            raise SocketPathError(f"{path}: {error.strerror}") from error
        listener.setblocking(False)
        try:
            yield listener
        finally:
            _remove(path, ours)


def _check_length(path: Path) -> None:
    length = len(os.fsencode(path))
    if length > LONGEST_PATH:
        raise SocketPathError(
            f"{path}: a socket's path may have {LONGEST_PATH} bytes, this one has {length};"
            " choose a shorter data folder"
        )


def _make_room(path: Path) -> None:
    """Remove what a killed daemon left at *path*; refuse anything that is more than that."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise SocketPathError(f"{path}: {error.strerror}") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketPathError(f"{path}: there is a file here that is not a socket")
    if _is_answered(path):
        raise SocketInUseError(f"{path}: another daemon answers here")
    path.unlink(missing_ok=True)


def _is_answered(path: Path) -> bool:
    """Tell whether a process holds the socket at *path*; one that is only busy holds it too."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except OSError as error:
            return error.errno not in {errno.ECONNREFUSED, errno.ENOENT}
    return True


def _remove(path: Path, ours: os.stat_result) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return  # somebody has tidied up before us
    if (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino):
        path.unlink(missing_ok=True)
