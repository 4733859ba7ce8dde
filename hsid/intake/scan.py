"""Walking the watch root: the truth about which files are there.

Every candidate whose version is not known is told, unfinished ones too. Symbolic links are not
followed; links to folders, and folders that can't be read, are logged and passed over. A file that
appears while the walk is on may be missed: its hint tells of it.
"""

import os
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

import structlog
import trio

from hsid.intake.errors import RootUnavailableError
from hsid.intake.hints import FileSeen, Stamp
from hsid.intake.names import is_candidate, is_hidden, join
from hsid.paths import to_text

KnownVersions: TypeAlias = Container[tuple[str, int, int, int]]
"""Path as text, inode, size, mtime_ns: one entry for each version in the ledger."""

_CHUNK_FILES = 1_000
_CHUNK_ENTRIES = 20_000
"""A chunk ends with as many unknown files, or after as many entries looked at."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ScanReport:
    """What a scan has met so far."""

    folders: int = 0
    candidates: int = 0
    unknown: int = 0
    ignored: int = 0
    """Files that no camera's upload is called like."""
    unreadable: int = 0
    """Folders passed over."""


class Scan:
    """One walk over the root, as an async iterator of chunks of unknown files.

    The walk runs in a thread only while the next chunk is asked for, so a slow consumer holds it
    up and a finished or dropped one leaves nothing running. Cancellation takes effect between two
    folders.
    """

    def __init__(self, root: Path, known: KnownVersions = frozenset()) -> None:
        self.report = ScanReport()
        self._walk = _Walk(os.fsencode(root), known, self.report)
        self._folders = self._walk.folders(trio.from_thread.check_cancelled)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[FileSeen]:
        """Return the next unknown files; possibly none, while the walk goes on.

        Raises:
            RootUnavailableError: The root can't be read.
        """
        chunk = await trio.to_thread.run_sync(self._next_chunk)
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def _next_chunk(self) -> list[FileSeen] | None:
        chunk: list[FileSeen] = []
        enough = self._walk.entries + _CHUNK_ENTRIES
        for found in self._folders:
            chunk += found
            if len(chunk) >= _CHUNK_FILES or self._walk.entries >= enough:
                return chunk
        return chunk or None


def files_below(root: bytes, folder: bytes, checkpoint: Callable[[], None]) -> list[FileSeen]:
    """Return all candidates in *folder*, a path relative to *root*, and below. Blocking."""
    walk = _Walk(root, frozenset(), ScanReport())
    return [file for found in walk.folders(checkpoint, folder) for file in found]


class _Walk:
    """The walk proper: blocking, one folder at a step."""

    def __init__(self, root: bytes, known: KnownVersions, report: ScanReport) -> None:
        self.entries = 0
        self._root = root
        self._known = known
        self._report = report

    def folders(self, checkpoint: Callable[[], None], top: bytes = b"") -> Iterator[list[FileSeen]]:
        """Yield the unknown candidates of each folder, *top* and all below it."""
        waiting = [top]
        while waiting:
            checkpoint()
            folder = waiting.pop()
            below, found = self._folder(folder)
            waiting += below
            yield found

    def _folder(self, folder: bytes) -> tuple[list[bytes], list[FileSeen]]:
        self._report.folders += 1
        try:
            with os.scandir(join(self._root, folder)) as entries:
                return self._sorted(folder, entries)
        except FileNotFoundError as error:
            # Below the root a folder may well be removed before its turn comes.
            if not folder:
                raise RootUnavailableError(self._root, "it does not exist") from error
        except OSError as error:
            self._pass_over(folder, error)
        return [], []

    def _pass_over(self, folder: bytes, error: OSError) -> None:
        if not folder:
            raise RootUnavailableError(self._root, error.strerror or str(error)) from error
        self._report.unreadable += 1
        _log.warning("folder_unreadable", folder=to_text(folder), error=error.strerror)

    def _sorted(
        self, folder: bytes, entries: Iterator[os.DirEntry[bytes]]
    ) -> tuple[list[bytes], list[FileSeen]]:
        """Sort *entries* into sub-folders to walk and candidates that are not known.

        The text of the path is put together from two, as it is the dearest part of a step.
        """
        prefix = join(folder, b"")
        prefix_text = to_text(prefix)
        report = self._report
        below: list[bytes] = []
        found: list[FileSeen] = []
        for entry in entries:
            self.entries += 1
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if not is_hidden(name):
                    below.append(prefix + name)
            elif is_candidate(name):
                report.candidates += 1
                if (stamp := self._unknown(prefix_text, entry)) is not None:
                    found.append(FileSeen(prefix + name, stamp))
            elif not is_hidden(name) and _is_folder_link(entry):
                _log.warning("folder_link_not_followed", folder=prefix_text + to_text(name))
            else:
                report.ignored += 1
        report.unknown += len(found)
        return below, found

    def _unknown(self, prefix_text: str, entry: os.DirEntry[bytes]) -> Stamp | None:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None  # removed since the folder was listed
        stamp = Stamp.of(status)
        path = prefix_text + to_text(entry.name)
        key = (path, stamp.inode, stamp.size, stamp.mtime_ns)
        return None if key in self._known else stamp


def _is_folder_link(entry: os.DirEntry[bytes]) -> bool:
    """Tell whether *entry*, no folder itself, leads to one."""
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:  # a link in a circle, or to where we may not look: nothing to be missed
        return False
