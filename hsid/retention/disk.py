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
from hsid.media.names import Origin, origin_of
from hsid.model import FileVersion
from hsid.observe.logging import get_logger
from hsid.paths import from_text
from hsid.refusal import RefusedError
from hsid.retention_policy.decision import FileFate, OwnFile, from_ns

GRACE = timedelta(hours=1)
"""A half written file may be somebody's work until it is as old as this."""

_log = get_logger("hsid.retention")


@dataclass(frozen=True, slots=True)
class Places:
    """Where what hsid keeps lies, and the cameras' folder. There may be no such *database* file.

    *media* are the folders of thumbnails and clips.
    """

    database: Path
    log_file: Path | None
    watch_root: Path
    media: tuple[Path, ...] = ()

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


def has_files_beside(places: Places) -> bool:
    """Tell whether the cameras' files are on the disk of the database."""
    try:
        return places.watch_root.stat().st_dev == places.database.parent.stat().st_dev
    except OSError:
        return False  # not mounted, so not beside it


def open_log_bytes(places: Places) -> int:
    """Return the size of the log that is being written."""
    try:
        return 0 if places.log_file is None else places.log_file.stat().st_size
    except FileNotFoundError:
        return 0


def logs_put_aside(places: Places) -> tuple[OwnFile, ...]:
    """Return the rotated log files: named after the log, a number behind it."""
    if places.log_file is None:
        return ()
    prefix = f"{places.log_file.name}."
    return tuple(
        file
        for file in _files_in(places.log_file.parent)
        if file.path.name.startswith(prefix) and file.path.name.removeprefix(prefix).isdecimal()
    )


def backups(places: Places) -> tuple[OwnFile, ...]:
    """Return the backups that were made before migrations."""
    return _beside_database(places, ".backup")


def leftovers(places: Places, now: datetime) -> tuple[OwnFile, ...]:
    """Return backups of the database that were never finished, past the time of grace."""
    unfinished = _beside_database(places, ".backup.part")
    return tuple(file for file in unfinished if now - file.modified_at > GRACE)


def media_files(places: Places) -> Iterator[tuple[OwnFile, Origin]]:
    """Yield thumbnails and clips with what they were made from, always in the same order.

    Folders are read as the walk comes to them; what is not named by hsid is passed over.
    """
    for folder in places.media:
        for path, folders, _ in os.walk(folder):
            folders.sort()
            for file in _files_in(Path(path)):
                origin = origin_of(file.path.name)
                if origin is not None:
                    yield file, origin


def delete_own(file: OwnFile) -> bool:
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


def _beside_database(places: Places, end: str) -> tuple[OwnFile, ...]:
    prefix = f"{places.database.name}.schema-"
    return tuple(
        file
        for file in _files_in(places.database.parent)
        if file.path.name.startswith(prefix) and file.path.name.endswith(end)
    )


def _files_in(folder: Path) -> Iterator[OwnFile]:
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
            yield OwnFile(path, status.st_ino, status.st_size, from_ns(status.st_mtime_ns))
