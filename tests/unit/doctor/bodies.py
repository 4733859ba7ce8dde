"""What the doctor's tests examine: users, folders, units."""

import stat
from pathlib import Path

from hsid.doctor.access import Identity, Step
from hsid.doctor.unit import read_unit

DAEMON = Identity("hsid", 900, frozenset({900}), "hsid")
UNIT = read_unit(
    [(Path(__file__).parents[3] / "systemd" / "hsid.service").read_text(encoding="utf-8")]
)


def folder(path, mode=0o755, *, uid=0, gid=0, group="root", **changes):
    """Return a folder of root that everybody may read, but for what is said."""
    return Step(Path(path), stat.S_IFDIR | mode, uid, gid, group, **changes)


def way(path, **last):
    """Return the steps to *path*; *last* is about it alone."""
    parents = [folder(each) for each in reversed(Path(path).parents)]
    return (*parents, folder(path, **last))
