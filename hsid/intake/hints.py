"""What a source or a scan has to say: hints, never facts.

Any of them may be missing, repeated or out of date by the time it is read.
"""

import os
from dataclasses import dataclass
from typing import Self, TypeAlias

from hsid.model import FileVersion
from hsid.paths import to_text

_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1
"""The years 1677 and 2262: filesystems know later ones, databases don't."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one content of a path from the next without reading it."""

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Take the stamp from what `stat` said; a time beyond 64 bits is cut to the last one."""
        mtime_ns = max(_FIRST_NS, min(_LAST_NS, status.st_mtime_ns))
        return cls(status.st_ino, status.st_size, mtime_ns)

    def version(self, path: bytes) -> FileVersion:
        """Return the record of *path* in this version."""
        return FileVersion(to_text(path), self.inode, self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Look:
    """What a glance at a path showed. *is_whole*: nothing speaks for waiting longer."""

    stamp: Stamp
    is_whole: bool


@dataclass(frozen=True, slots=True)
class FileClosed:
    """A writer closed the file."""

    path: bytes


@dataclass(frozen=True, slots=True)
class FileMovedIn:
    """The file was renamed into place."""

    path: bytes


@dataclass(frozen=True, slots=True)
class FileSeen:
    """The file exists; whether its writer has finished is not known."""

    path: bytes
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Rescan:
    """Hints were lost: only a scan tells what is there."""

    reason: str


Hint: TypeAlias = FileClosed | FileMovedIn | FileSeen | Rescan
