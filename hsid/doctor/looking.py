"""What the file system says: paths, the unit, the disks, inotify. Blocking, changes nothing.

Decides nothing. What can't be seen is left out of the facts, or told in them.
"""

import errno
import grp
import os
import pwd
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from inotify_simple import INotify

from hsid.doctor.access import Identity, Step
from hsid.doctor.storage import Room
from hsid.doctor.unit import DROP_IN_FOLDER, Unit, read_unit
from hsid.doctor.watch_root import InotifyLimits, WatchRoot
from hsid.model import Seconds

UNIT_PATHS = (
    Path("/etc/systemd/system/hsid.service"),
    Path("/usr/local/lib/systemd/system/hsid.service"),
    Path("/usr/lib/systemd/system/hsid.service"),
)
_LIMITS = Path("/proc/sys/fs/inotify")
_ACL = "system.posix_acl_access"
_MOST_CAMERAS = 1000


def find_unit() -> Unit | None:
    """Return the unit of the daemon with its drop-ins; None where it is not installed."""
    path = next((path for path in UNIT_PATHS if path.is_file()), None)
    if path is None:
        return None
    paths = [path, *sorted(DROP_IN_FOLDER.glob("*.conf"))]
    return read_unit(path.read_text("utf-8", errors="replace") for path in paths)


def daemon_identity(unit: Unit | None) -> Identity:
    """Return who the daemon runs as: the user of its unit, or else who asks."""
    if unit is None:
        return _asker()
    try:
        user = pwd.getpwnam(unit.user)
    except KeyError:
        return _asker()  # systemd-sysusers has not run yet
    own = os.getgrouplist(user.pw_name, user.pw_gid)
    groups = frozenset([*own, *_numbers(unit.supplementary_groups)])
    return Identity(user.pw_name, user.pw_uid, groups, _group_name(user.pw_gid))


def steps_to(path: Path) -> tuple[Step, ...]:
    """Return the folders from / to *path* and itself, links followed, as far as they are there."""
    steps = []
    for each in (*reversed(path.parents), path):
        try:
            steps.append(_step(each))
        except OSError:
            break  # the last step tells where it ends
    return tuple(steps)


def look_at_watch_root(path: Path, *, within: Seconds) -> WatchRoot:
    """Look at the cameras' folder and count what is in it, for so long at most."""
    real = Path(os.path.realpath(path))
    steps = steps_to(real)
    if not steps or steps[-1].path != real or not steps[-1].is_folder:
        return WatchRoot(real, steps)
    folders, is_counted = _count_folders(real, time.monotonic() + within)
    return WatchRoot(real, steps, tuple(_cameras_in(real)), folders, is_counted)


def look_at_inotify() -> InotifyLimits:
    """Ask the kernel for its limits, and for an instance."""
    watches = _number_in(_LIMITS / "max_user_watches")
    instances = _number_in(_LIMITS / "max_user_instances")
    try:
        INotify(nonblocking=True).close()
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        return InotifyLimits(watches, instances, has_instance_left=False)
    return InotifyLimits(watches, instances, has_instance_left=True)


def look_at_room(setting: str, path: Path) -> Room:
    """Return how full the disk is on which *path* lies, or would lie."""
    there = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    usage, files = shutil.disk_usage(there), os.statvfs(there)
    ratio = files.f_favail / files.f_files if files.f_files else None
    return Room(setting, path, usage.free, usage.total, ratio)


def _asker() -> Identity:
    uid, gid = os.geteuid(), os.getegid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"user {uid}"
    return Identity(name, uid, frozenset([gid, *os.getgroups()]), _group_name(gid))


def _numbers(groups: tuple[str, ...]) -> Iterator[int]:
    for name in groups:
        if name.isdigit():
            yield int(name)
            continue
        try:
            yield grp.getgrnam(name).gr_gid
        except KeyError:
            continue  # systemd refuses such a unit by itself


def _step(path: Path) -> Step:
    found = path.stat()
    group = _group_name(found.st_gid)
    return Step(path, found.st_mode, found.st_uid, found.st_gid, group, _has_acl(path))


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _has_acl(path: Path) -> bool:
    try:
        return _ACL in os.listxattr(path)
    except OSError:
        return False  # a file system without any, or not for our eyes


def _cameras_in(root: Path) -> Iterator[Step]:
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except PermissionError:
        return  # the way to it tells
    for entry in entries[:_MOST_CAMERAS]:
        if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
            yield _step(Path(entry.path))


def _count_folders(root: Path, deadline: float) -> tuple[int, bool]:
    """Count as the watcher watches: hidden folders and links are left out."""
    closed: list[OSError] = []
    count = 0
    for _, names, _ in os.walk(root, onerror=closed.append):
        names[:] = [name for name in names if not name.startswith(".")]
        count += 1
        if time.monotonic() > deadline:
            return count, False
    return count, not closed


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
