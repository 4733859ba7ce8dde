"""Opening files beneath the watch root, and never anything else.

The path is walked one component at a time from a descriptor of the root, so that no symbolic link
below the root is followed, not even one swapped in half way. The root itself may be a link.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hsid.intake.errors import OUR_OWN_ERRNOS, RootUnavailableError, VanishedError
from hsid.model import RefusalReason
from hsid.refusal import RefusedError

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: a FIFO swapped in after the check must not block the open.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def stat_beneath(root: bytes, path: bytes) -> os.stat_result:
    """Return the status of *path* itself, a link not followed.

    Raises:
        RefusedError: Nothing below the root can be reached by this path.
        RootUnavailableError: The root can't be opened.
    """
    with _parent_of(root, path) as (parent, name), refusing_os_errors():
        return os.stat(name, dir_fd=parent, follow_symlinks=False)


def unlink_beneath(root: bytes, path: bytes, is_meant: Callable[[os.stat_result], bool]) -> bool:
    """Delete the file *path* if *is_meant* says so of its status; return whether it did.

    Raises:
        RefusedError: It can't be reached by this path, or not be deleted.
        RootUnavailableError: The root can't be opened.
    """
    with _parent_of(root, path) as (parent, name), refusing_os_errors():
        if not is_meant(os.stat(name, dir_fd=parent, follow_symlinks=False)):
            return False
        os.unlink(name, dir_fd=parent)
        return True


@contextmanager
def open_beneath(root: bytes, path: bytes) -> Iterator[int]:
    """Open the regular file *path* for reading and close it at the end of the block.

    Raises:
        RefusedError: It is missing, unreadable, no regular file or behind a symbolic link; also
            for an I/O error inside the block.
        RootUnavailableError: The root can't be opened.
    """
    with _parent_of(root, path) as (parent, name), refusing_os_errors():
        descriptor = _open_regular(parent, name)
    try:
        with refusing_os_errors():
            yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def refusing_os_errors() -> Iterator[None]:
    """Turn an `OSError` about a file into the refusal it means."""
    try:
        yield
    except OSError as error:
        if error.errno in OUR_OWN_ERRNOS:
            raise
        raise _refusal(error) from error


def _refusal(error: OSError) -> RefusedError:
    what = error.strerror or str(error)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.ESTALE:
            return VanishedError(what)
        case errno.ELOOP:
            return _linked()
        case errno.ENXIO | errno.ENODEV | errno.EISDIR:
            return RefusedError(RefusalReason.NOT_A_REGULAR_FILE, what)
        case _:
            return RefusedError(RefusalReason.UNREADABLE, what)


def _linked() -> RefusedError:
    return RefusedError(
        RefusalReason.OUTSIDE_ROOT, "symbolic links below the watch root are not followed"
    )


@contextmanager
def _parent_of(root: bytes, path: bytes) -> Iterator[tuple[int, bytes]]:
    *folders, name = _components(path)
    parent = _open_root(root)
    try:
        for folder in folders:
            child = _open_folder(parent, folder)
            os.close(parent)
            parent = child
        yield parent, name
    finally:
        os.close(parent)


def _components(path: bytes) -> list[bytes]:
    components = path.split(b"/")
    if b"\0" in path or not {b"", b".", b".."}.isdisjoint(components):
        raise RefusedError(RefusalReason.OUTSIDE_ROOT, "not a path below the watch root")
    return components


def _open_root(root: bytes) -> int:
    try:
        return os.open(root, _FOLDER)
    except OSError as error:
        if error.errno in OUR_OWN_ERRNOS:
            raise
        raise RootUnavailableError(root, error.strerror or str(error)) from error


def _open_folder(parent: int, name: bytes) -> int:
    with refusing_os_errors():
        try:
            return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
        except NotADirectoryError as error:
            # The kernel says the same of a link and of a file in the place of a folder.
            if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                raise _linked() from error
            raise


def _open_regular(parent: int, name: bytes) -> int:
    # Looked at before it is opened: opening a device may do something to it.
    _check_regular(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    descriptor = os.open(name, _FILE, dir_fd=parent)
    try:
        _check_regular(os.fstat(descriptor).st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise _linked()
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS if test(mode)), "something else")
        raise RefusedError(RefusalReason.NOT_A_REGULAR_FILE, f"it is {kind}")


_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
