"""Whether a user may do something with a path, by owner, group and mode of all folders above it.

The kernel can be asked for oneself only, and the doctor is mostly run by somebody else than the
daemon. Access control lists are not read: where there is one, the answer may be wrong, so it is
told. Pure.
"""

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

READ, WRITE, ENTER = 4, 2, 1


@dataclass(frozen=True, slots=True)
class Identity:
    """A user with the numbers of all groups, and the name of the first."""

    name: str
    uid: int
    groups: frozenset[int]
    group: str


@dataclass(frozen=True, slots=True)
class Step:
    """One file or folder on the way to a path."""

    path: Path
    mode: int
    uid: int
    gid: int
    group: str
    """The name of the group *gid*, its number where it has no name."""
    has_acl: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)


def may(who: Identity, step: Step, wanted: int) -> bool:
    """Tell whether *who* has the rights *wanted* on *step*: the bits of one class decide."""
    if who.uid == 0:
        return True
    if who.uid == step.uid:
        given = step.mode >> 6
    elif step.gid in who.groups:
        given = step.mode >> 3
    else:
        given = step.mode
    return given & wanted == wanted


def closed_steps(who: Identity, steps: Sequence[Step], wanted: int) -> list[Step]:
    """Return those of *steps* that keep *who* from doing what is *wanted* with the last."""
    *way, last = steps
    return [step for step in way if not may(who, step, ENTER)] + (
        [] if may(who, last, wanted) else [last]
    )


def group_may(step: Step, wanted: int) -> bool:
    """Tell whether members of the group of *step* have the rights *wanted* on it."""
    return step.mode >> 3 & wanted == wanted
