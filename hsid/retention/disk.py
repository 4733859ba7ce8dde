"""The disk's side of retention: what lies there, and deleting it. Blocking.

Guarantees that a camera's file is deleted only beneath the watch root, through no symbolic link,
and while it is the very file that the ledger knows (inode, size, time of change); and that only
what hsid itself has named is taken for a log or for a leftover. What can't be deleted is told to
the log and stays. Between the last look and the deletion lie microseconds, in which a file put into
the place of another would be taken for it.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hsid.intake.beneath import stat_beneath, unlink_beneath
from hsid.intake.errors import RootUnavailableError, VanishedError
from hsid.intake.hints import Stamp
from hsid.model import FileVersion
from hsid.observe.logging import get_logger
from hsid.paths import from_text
from hsid.refusal import RefusedError
from hsid.retention.decision import FileFate, LogFile, from_ns

GRACE = timedelta(hours=1)
"""A half written file may be somebody's work until it is as old as this."""

_log = get_logger("hsid.retention")


@dataclass(frozen=True, slots=True)
class Places:
    """Where what hsid keeps lies, and the cameras' folder. There may be no such *database* file."""

    database: Path
    log_file: Path | None
    watch_root: Path

    @property
    def root(self) -> bytes:
        """Return the watch root as the file system names it."""
        return os.fsencode(self.watch_root)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was found where *version* should be; *other* is what lies there in its place."""

    version: FileVersion
    fate: FileFate
    other: FileVersion | None = None


def free_bytes(places: Places) -> int:
    """Return what the disk of the database has free for this process."""
    return shutil.disk_usage(places.database.parent).free


def logs_put_aside(places: Places) -> tuple[LogFile, ...]:
    """Return the rotated log files: named after the log, a number behind it."""
    if places.log_file is None:
        return ()
    prefix = f"{places.log_file.name}."
    found = _files_in(places.log_file.parent)
    return tuple(
        LogFile(path, status.st_ino, status.st_size, from_ns(status.st_mtime_ns))
        for path, status in found
        if path.name.startswith(prefix) and path.name.removeprefix(prefix).isdecimal()
    )


def leftovers(places: Places, now: datetime) -> tuple[LogFile, ...]:
    """Return backups of the database that were never finished, past the time of grace."""
    prefix, end = f"{places.database.name}.schema-", ".backup.part"
    return tuple(
        LogFile(path, status.st_ino, status.st_size, from_ns(status.st_mtime_ns))
        for path, status in _files_in(places.database.parent)
        if path.name.startswith(prefix)
        and path.name.endswith(end)
        and now - from_ns(status.st_mtime_ns) > GRACE
    )


def delete_own(file: LogFile) -> bool:
    """Delete a file of hsid's own, unless another has its name by now; tell whether it is gone."""
    try:
        if file.path.lstat().st_ino != file.inode:
            return False
        file.path.unlink()
    except OSError as error:
        _log.warning("retention_file_stays", path=str(file.path), error=error.strerror)
        return False
    return True


def look_at(root: bytes, versions: Sequence[FileVersion]) -> list[Sighting]:
    """Look what has become of *versions*.

    One is gone only if nothing, or a file of another inode, has its path. The same inode in another
    state is `UNKNOWN`, with what it is now: a touched picture must still be recognised by its row.
    """
    return [_look_at(root, version) for version in versions]


def delete_original(root: bytes, version: FileVersion) -> bool:
    """Delete the camera's file if it is still exactly *version*; tell whether it is gone."""
    try:
        return unlink_beneath(root, from_text(version.path), lambda found: _is(found, version))
    except VanishedError:
        return True
    except (RefusedError, RootUnavailableError) as error:
        _log.warning("retention_file_stays", path=version.path, error=str(error))
        return False


def top_of(version: FileVersion) -> str:
    """Return the first folder of its path, which may be a mount of its own; empty for none."""
    folder, slash, _ = version.path.partition("/")
    return folder if slash else ""


def present_tops(sightings: Iterable[Sighting]) -> frozenset[str]:
    """Return the first folders in which a known file was seen: they are mounted, surely."""
    seen = (s.version for s in sightings if s.fate is FileFate.PRESENT)
    return frozenset(map(top_of, seen))


def _look_at(root: bytes, version: FileVersion) -> Sighting:
    try:
        status = stat_beneath(root, from_text(version.path))
    except VanishedError:
        return Sighting(version, FileFate.GONE)
    except (RefusedError, RootUnavailableError):
        return Sighting(version, FileFate.UNKNOWN)
    if _is(status, version):
        return Sighting(version, FileFate.PRESENT)
    if status.st_ino != version.inode:
        return Sighting(version, FileFate.GONE)
    return Sighting(version, FileFate.UNKNOWN, Stamp.of(status).version(from_text(version.path)))


def _is(status: os.stat_result, version: FileVersion) -> bool:
    stamp = Stamp(version.inode, version.size, version.mtime_ns)
    return stat.S_ISREG(status.st_mode) and Stamp.of(status) == stamp


def _files_in(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the regular files of *folder*; none if there is no such folder."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are what is asked for
    except FileNotFoundError:
        return
    for name in names:
        path = folder / name
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # the log was rotated just now: it is looked at next time
        if stat.S_ISREG(status.st_mode):
            yield path, status
