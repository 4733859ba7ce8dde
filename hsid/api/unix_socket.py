"""A Unix socket in the file system: made, guarded, removed.

Guarantees: it never accepts anybody before its mode is 0660; one that somebody answers on is left
alone, one that a killed daemon left behind is replaced; of several that try at once, one gets it;
nothing but a socket is ever removed; at the end our own goes, and only our own. A file beside it,
`NAME.lock`, is locked for as long as the socket lives. It stays; the lock is what counts.
"""

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET_MODE = 0o660
LONGEST_PATH = 107
"""Bytes that fit into `sockaddr_un.sun_path` with its closing NUL."""
BACKLOG = 100
"""Connections that may wait to be accepted."""

_LOCK_MODE = 0o600


class SocketPathError(Exception):
    """The control socket can't be made where it was configured; the message says why."""


class SocketInUseError(SocketPathError):
    """Another process answers on the socket: a second daemon with the same path."""


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """Listen on a socket at *path*; remove its file at the end.

    Raises:
        SocketPathError: The path is too long, taken, or not ours to write.
    """
    _check_length(path)
    with _locked(path), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        _make_room(path)
        ours = _bind(listener, path)
        try:
            yield listener
        finally:
            _remove(path, ours)


def _bind(listener: socket.socket, path: Path) -> os.stat_result:
    """Bind *listener* to *path* and listen; not before the mode is set, whatever the umask."""
    try:
        listener.bind(os.fspath(path))
        path.chmod(SOCKET_MODE)
        ours = path.stat()
        listener.listen(BACKLOG)
    except OSError as error:
        raise SocketPathError(f"{path}: {error.strerror}") from error
    listener.setblocking(False)
    return ours


def _check_length(path: Path) -> None:
    length = len(os.fsencode(path))
    if length > LONGEST_PATH:
        raise SocketPathError(
            f"{path}: a socket's path may have {LONGEST_PATH} bytes, this one has {length};"
            " choose a shorter data folder"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep others from replacing the socket at *path*; the kernel frees the lock of the dead."""
    lock = path.with_name(f"{path.name}.lock")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(lock, flags, _LOCK_MODE)
    except OSError as error:
        raise SocketPathError(f"{lock}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SocketInUseError(f"{path}: another daemon is here") from error
        yield
    finally:
        os.close(descriptor)


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
