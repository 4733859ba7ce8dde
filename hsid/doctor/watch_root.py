"""Whether the daemon can read the cameras' folder, and the drop-in that lets it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from hsid.doctor.access import ENTER, READ, WRITE, Identity, Step, closed_steps, group_may, may
from hsid.doctor.findings import Finding, failed, passed, warned
from hsid.doctor.unit import DROP_IN_FOLDER, Unit, is_home, quoted

CHECK = "watch root"
INOTIFY = "inotify"

_NEARLY = 0.8
_LEAST_WATCHES = 65_536
_SHOWN = 5
_LOOK = READ | ENTER
_LETTERS = (READ, "r"), (WRITE, "w"), (ENTER, "x")


@dataclass(frozen=True, slots=True)
class WatchRoot:
    """The cameras' folder as it was found.

    *steps* lead from / to it, and end early where it is not there or can't be seen; *cameras* are
    the folders in it.
    """

    path: Path
    steps: tuple[Step, ...]
    cameras: tuple[Step, ...] = ()
    folders: int = 0
    """How many folders are in it, itself included."""
    is_counted: bool = True
    """Whether *folders* are all: there was time for it, and nothing was closed to us."""

    @property
    def is_found(self) -> bool:
        """Whether it could be looked at."""
        return bool(self.steps) and self.steps[-1].path == self.path


@dataclass(frozen=True, slots=True)
class InotifyLimits:
    """What the kernel grants to one user; None: it does not say."""

    watches: int | None
    instances: int | None
    has_instance_left: bool
    """For who asks."""


def judge_watch_root(
    root: WatchRoot, who: Identity, unit: Unit | None, *, deletes: bool
) -> Finding:
    """Say whether *who* can read what is in *root*, and delete there if the settings say so."""
    if not root.is_found:
        return _not_found(root, who)
    if not root.steps[-1].is_folder:
        return failed(CHECK, f"{root.path} is no folder", "set foscam_base_path to one")
    wanted = _LOOK | WRITE if deletes else _LOOK
    is_bound = unit is not None and (unit.binds(root.path) or unit.hides(root.path))
    closed = closed_steps(who, root.steps[-1:] if is_bound else root.steps, wanted)
    closed += [step for step in root.cameras if not may(who, step, wanted)]
    lines = drop_in_lines(root.path, closed, unit, deletes=deletes)
    if closed:
        return _closed(closed, root.path, who, wanted, drop_in(lines))
    if unit is not None and (unit.hides(root.path) or _is_kept_from(unit, root, deletes=deletes)):
        words = f"{root.path} is out of reach for the service, by the rules of its unit"
        return failed(CHECK, words, drop_in(lines))
    return passed(CHECK, f"{root.path} can be read by {who.name}, {_count(root)}")


def drop_in_lines(
    path: Path, closed: Sequence[Step], unit: Unit | None, *, deletes: bool
) -> tuple[str, ...]:
    """Return what the unit has to say so that the daemon gets at *path* and what is *closed*.

    The group `root` is given to nobody: what belongs to it wants another group.
    """
    groups = dict.fromkeys(step.group for step in closed if step.gid != 0)
    lines = [f"SupplementaryGroups={group}" for group in groups]
    if unit is not None and unit.hides(path):
        lines += ["ProtectHome=tmpfs"] if is_home(path) else []
        lines.append(f"{'BindPaths' if deletes else 'BindReadOnlyPaths'}={quoted(path)}")
    else:
        lines.append(f"{'ReadWritePaths' if deletes else 'ReadOnlyPaths'}={quoted(path)}")
    return tuple(lines)


def drop_in(lines: Sequence[str]) -> str:
    """Return what to do with *lines* of a unit, to be copied."""
    text = "\n".join(("[Service]", *lines))
    path = DROP_IN_FOLDER / "camera-folder.conf"
    return f"put into {path}:\n{text}\nthen: systemctl daemon-reload && systemctl restart hsid"


def judge_inotify(root: WatchRoot, limits: InotifyLimits) -> Finding:
    """Say whether the kernel lets every folder of *root* have a watch."""
    if not limits.has_instance_left:
        fix = _sysctl("max_user_instances", 2 * (limits.instances or 128))
        return failed(INOTIFY, "no further inotify instance is granted", fix)
    if limits.watches is None:
        return passed(INOTIFY, "the kernel does not tell its limits")
    words = f"{_count(root)}, {limits.watches} watches allowed"
    enough = max(_LEAST_WATCHES, 1 << (2 * root.folders).bit_length())
    if root.folders > limits.watches:
        fix = _sysctl("max_user_watches", enough)
        return failed(INOTIFY, f"{words}: uploads in the others are found by scans alone", fix)
    if root.folders > _NEARLY * limits.watches:
        return warned(INOTIFY, words, _sysctl("max_user_watches", enough))
    return passed(INOTIFY, words)


def _not_found(root: WatchRoot, who: Identity) -> Finding:
    last = root.steps[-1] if root.steps else None
    if last is not None and not last.is_folder:
        return failed(CHECK, f"{last.path} is no folder", "set foscam_base_path to one")
    if last is not None and not may(who, last, ENTER):
        words = f"{who.name} may not enter {last.path}, so {root.path} can't be seen"
        return failed(CHECK, words, f"chmod o+x {_shell(last.path)}, or set foscam_base_path")
    fix = f"make it and let the cameras upload there: install -d -m 2770 {_shell(root.path)};"
    return failed(CHECK, f"there is no folder {root.path}", f"{fix} or set foscam_base_path")


def _is_kept_from(unit: Unit, root: WatchRoot, *, deletes: bool) -> bool:
    return deletes and unit.keeps_from_writing(root.path)


def _closed(
    closed: Sequence[Step], root: Path, who: Identity, wanted: int, drop_in_text: str
) -> Finding:
    verb = "change" if wanted & WRITE else "read"
    words = f"{who.name} may not {verb} {', '.join(str(step.path) for step in closed[:_SHOWN])}"
    if len(closed) > _SHOWN:
        words = f"{words} and {len(closed) - _SHOWN} more"
    chores = [
        _opening(step, who, ENTER if step.path in root.parents else wanted) for step in closed
    ]
    fix = "\n".join([*filter(None, chores[:_SHOWN]), drop_in_text])
    if any(step.has_acl for step in closed):
        look = f"there is an access control list; look as that user: ls {_shell(root)}"
        return warned(CHECK, f"{words}, by mode", f"{look}; if that fails\n{fix}")
    return failed(CHECK, words, fix)


def _opening(step: Step, who: Identity, wanted: int) -> str | None:
    """Return the command that opens *step* to its group; None where it is."""
    letters = "".join(char for bit, char in _LETTERS if wanted & bit)
    path = _shell(step.path)
    if step.gid == 0:
        return f"chgrp {who.group} {path} && chmod g+{letters} {path}"
    return None if group_may(step, wanted) else f"chmod g+{letters} {path}"


def _shell(path: Path) -> str:
    return quote(str(path))


def _count(root: WatchRoot) -> str:
    number = "1 folder" if root.folders == 1 else f"{root.folders} folders"
    return number if root.is_counted else f"at least {number}"


def _sysctl(name: str, value: int) -> str:
    line = f"fs.inotify.{name} = {value}"
    return f"put into /etc/sysctl.d/60-hsid.conf:\n{line}\nthen: sysctl --system"
