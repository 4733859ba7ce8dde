"""Hints from inotify, for local filesystems.

Each folder below the root has a watch of its own. A folder that appears is watched first and
listed afterwards, so that what was put in before the watch is told as well. Links to folders are
not followed, hidden folders not watched.

Not guaranteed: hints for folders beyond the kernel's limit of watches (see `degradation`), for
changes made on another machine, and for what happened while the kernel's queue was full; after
the latter a `Rescan` is told.
"""

import errno
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, assert_never

import structlog
import trio
from inotify_simple import Event, INotify, flags, parse_events

from hsid.intake.errors import RootUnavailableError, WatchLimitError
from hsid.intake.hints import FileClosed, FileMovedIn, FileSeen, Hint, Rescan
from hsid.intake.names import base_name, is_hidden, join
from hsid.intake.scan import files_below
from hsid.paths import to_text

MAX_WATCHES: Final = "fs.inotify.max_user_watches"
MAX_INSTANCES: Final = "fs.inotify.max_user_instances"

_MASK = (
    flags.CLOSE_WRITE
    | flags.MOVED_TO
    | flags.MOVED_FROM
    | flags.CREATE
    | flags.DELETE_SELF
    | flags.MOVE_SELF
    | flags.ONLYDIR
    | flags.EXCL_UNLINK
)
_LOST_SELF = flags.DELETE_SELF | flags.IGNORED | flags.UNMOUNT

_READ_BYTES = 65_536
"""About a thousand events: the event loop is not held up for long by any one read."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FolderAppeared:
    """A folder was made or moved in."""

    path: bytes


@dataclass(frozen=True, slots=True)
class FolderLeft:
    """A folder was moved away; its watches may follow it to where they must not."""

    path: bytes


@dataclass(frozen=True, slots=True)
class WatchEnded:
    """A watched folder below the root is gone, and its watch with it."""

    watch: int


@dataclass(frozen=True, slots=True)
class RootLost:
    """The root itself is gone."""

    detail: str


Change: TypeAlias = FolderAppeared | FolderLeft | WatchEnded | RootLost


def interpret(event: Event, folder: bytes | None) -> Hint | Change | None:
    """Return what *event* on the watch of *folder* means; None for nothing of interest. Pure.

    *folder* is None for a watch that was given up since.
    """
    if event.mask & flags.Q_OVERFLOW:
        return Rescan("the kernel's queue of file events overflowed")
    if folder is None:
        return None
    if event.mask & _LOST_SELF:
        return WatchEnded(event.wd) if folder else RootLost("it was removed")
    if event.mask & flags.MOVE_SELF:
        # Of a folder below the root, its parent tells where it went.
        return None if folder else RootLost("it was moved away")
    path = join(folder, os.fsencode(event.name))
    meaning = _OF_FOLDERS if event.mask & flags.ISDIR else _OF_FILES
    return next((make(path) for flag, make in meaning if event.mask & flag), None)


_OF_FOLDERS: tuple[tuple[int, Callable[[bytes], Change]], ...] = (
    (flags.CREATE | flags.MOVED_TO, FolderAppeared),
    (flags.MOVED_FROM, FolderLeft),
)
_OF_FILES: tuple[tuple[int, Callable[[bytes], Hint]], ...] = (
    (flags.CLOSE_WRITE, FileClosed),
    (flags.MOVED_TO, FileMovedIn),
    (flags.CREATE, FileSeen),
)


class InotifySource:
    """A `Source` over one inotify instance. Use `open_source`, which also closes it."""

    def __init__(self, root: Path) -> None:
        """Open an instance that watches nothing before the first `renew`.

        Raises:
            WatchLimitError: The kernel grants no further instance.
        """
        self._root = os.fsencode(root)
        self._folders: dict[int, bytes] = {}
        self._events: deque[Event] = deque()
        self._hints: list[Hint] = []
        self._degradation: WatchLimitError | None = None
        # Held while watches are added and given up: a walk must not be undone by an event that
        # came after it, nor the other way round.
        self._changing = trio.Lock()
        try:
            self._inotify = INotify(nonblocking=True)
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            raise WatchLimitError(MAX_INSTANCES) from error

    def close(self) -> None:
        """Give the instance and all its watches back."""
        trio.lowlevel.notify_closing(self._inotify.fileno())
        self._inotify.close()

    async def next_hints(self) -> list[Hint]:
        """Wait for the next hints and return them; see `Source.next_hints`."""
        await trio.lowlevel.checkpoint()
        while not self._hints:
            if not self._events:
                await trio.lowlevel.wait_readable(self._inotify.fileno())
                self._events.extend(self._read())
            await self._digest()
        hints, self._hints = self._hints, []
        return hints

    async def renew(self) -> None:
        """Watch the whole tree afresh, and give up watches on what is no longer in it.

        Raises:
            RootUnavailableError: The root can't be watched.
        """
        async with self._changing:
            self._degradation = None
            watched = await trio.to_thread.run_sync(self._watch_below, b"")
            self._give_up(self._folders.keys() - watched.keys())
            self._folders = watched

    @property
    def degradation(self) -> WatchLimitError | None:
        """Why parts of the tree are not watched; None while all are."""
        return self._degradation

    @property
    def watched(self) -> frozenset[bytes]:
        """The folders that have a watch."""
        return frozenset(self._folders.values())

    async def _digest(self) -> None:
        # An event leaves the queue only when it has been dealt with, so that a cancelled call
        # leaves it to the next one.
        while self._events:
            event = self._events[0]
            meaning = interpret(event, self._folders.get(event.wd))
            if meaning is not None:
                await self._take(meaning)
            self._events.popleft()

    async def _take(self, meaning: Hint | Change) -> None:
        match meaning:
            case FileClosed() | FileMovedIn() | FileSeen():
                self._hints.append(meaning)
            case Rescan():
                # New folders may have been lost with the rest.
                await self.renew()
                self._hints.append(meaning)
            case RootLost(detail):
                raise RootUnavailableError(self._root, detail)
            case FolderAppeared() | FolderLeft() | WatchEnded():
                async with self._changing:
                    await self._follow(meaning)
            case _:
                assert_never(meaning)

    async def _follow(self, change: FolderAppeared | FolderLeft | WatchEnded) -> None:
        match change:
            case FolderAppeared(path):
                if not is_hidden(base_name(path)):
                    await self._adopt(path)
            case FolderLeft(path):
                self._give_up({wd for wd, at in self._folders.items() if _is_within(at, path)})
            case WatchEnded(watch):
                self._folders.pop(watch, None)
            case _:
                assert_never(change)

    async def _adopt(self, path: bytes) -> None:
        """Watch *path* and all below; then, and not before, list what is there."""
        self._folders |= await trio.to_thread.run_sync(self._watch_below, path)
        self._hints += await trio.to_thread.run_sync(
            files_below, self._root, path, trio.from_thread.check_cancelled
        )

    def _read(self) -> list[Event]:
        try:
            data = os.read(self._inotify.fileno(), _READ_BYTES)
        except BlockingIOError:
            data = b""  # woken for nothing, which `wait_readable` reserves the right to
        events: list[Event] = parse_events(data)
        return events

    def _watch_below(self, top: bytes) -> dict[int, bytes]:
        """Return the watches added on *top* and all below, with their folders. In a thread."""
        watched: dict[int, bytes] = {}
        waiting = [top]
        while waiting:
            trio.from_thread.check_cancelled()
            folder = waiting.pop()
            wd = self._watch(folder)
            if wd is not None:
                watched[wd] = folder
                waiting += self._folders_in(folder)
        return watched

    def _watch(self, folder: bytes) -> int | None:
        # The root alone may be a link.
        mask = _MASK | flags.DONT_FOLLOW if folder else _MASK
        try:
            wd: int = self._inotify.add_watch(join(self._root, folder), mask)
        except OSError as error:
            self._note_unwatched(folder, error)
            return None
        return wd

    def _note_unwatched(self, folder: bytes, error: OSError) -> None:
        if error.errno == errno.ENOSPC:
            self._note_limit(folder)
        elif not folder:
            raise RootUnavailableError(self._root, error.strerror or str(error)) from error
        elif error.errno not in {errno.ENOENT, errno.ENOTDIR}:
            _log.warning("folder_not_watched", folder=to_text(folder), error=error.strerror)

    def _note_limit(self, folder: bytes) -> None:
        if self._degradation is None:
            self._degradation = WatchLimitError(MAX_WATCHES)
            _log.error("watch_limit_reached", sysctl=MAX_WATCHES, folder=to_text(folder))

    def _folders_in(self, folder: bytes) -> list[bytes]:
        try:
            with os.scandir(join(self._root, folder)) as entries:
                return [
                    join(folder, entry.name)
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False) and not is_hidden(entry.name)
                ]
        except OSError as error:
            # The scan meets the same folder and counts it, if it is still there.
            _log.debug("folder_unreadable", folder=to_text(folder), error=error.strerror)
            return []

    def _give_up(self, watches: set[int]) -> None:
        for wd in watches:
            self._folders.pop(wd, None)
            try:
                self._inotify.rm_watch(wd)
            except OSError as error:
                # EINVAL: the kernel has given it up before us, as its folder is gone.
                if error.errno != errno.EINVAL:
                    raise


def _is_within(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder + b"/")
