"""Whether the daemon is well, and if not, what is wrong: one judgement for status, probes, metrics.

Pure. A part that failed and is being restarted in time is no trouble; one that is left down, that
is paused, or that waits for something it can't reach, is: also where somebody wanted it so, for who
looks later is to see that the work is not done, and what brings it back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from supervision import ChildSnapshot

PARKED = "parked"
"""The state of an actor that is left down until its next trial."""
_STOPPED = "stopped"
_WORKING = ("running", "ready")
"""The states of a supervisor whose children should work."""


class HealthState(StrEnum):
    """How a daemon that answers is."""

    OK = "ok"
    DEGRADED = "degraded"
    """A part of the work is not done at present; the rest goes on."""


@dataclass(frozen=True, slots=True)
class Health:
    """The state, and each trouble in words."""

    state: HealthState
    troubles: tuple[str, ...] = ()


def judge(root: ChildSnapshot, waiting: Iterable[str] = (), others: Iterable[str] = ()) -> Health:
    """Judge the tree below *root*.

    *waiting* names queues that can't be reached at present, *others* are troubles outside of
    the tree, in words.
    """
    troubles = (
        *(trouble for node in root.walk() for trouble in _troubles_of(node, root)),
        *_left_idle(root, root),
        *others,
        *(f"{queue} waits for its storage; what arrives is kept" for queue in waiting),
    )
    return Health(HealthState.DEGRADED if troubles else HealthState.OK, troubles)


def crowding(fills: Iterable[tuple[str, float]], threshold: float) -> Iterator[str]:
    """Tell of each queue that has *threshold* of its capacity taken; *fills* are such shares."""
    for queue, ratio in fills:
        if ratio >= threshold:
            yield f"{queue} is {ratio:.0%} full"


def _troubles_of(node: ChildSnapshot, root: ChildSnapshot) -> Iterable[str]:
    name = node.path.removeprefix(f"{root.path}/")
    error = f": {node.last_error}" if node.last_error else ""
    if node.state == PARKED and node.deadline is None:
        yield f"{name} is parked until it is restarted by hand{error}"
    elif node.state == PARKED and node.deadline is not None:
        yield f"{name} is parked, tried again in {node.deadline - node.at:.0f} s{error}"
    if node.zombies:
        yield f"{name} did not end when it was stopped; what still runs does nothing useful"


def _left_idle(supervisor: ChildSnapshot, root: ChildSnapshot) -> Iterator[str]:
    """Tell of what somebody stopped or paused; a daemon that stops is another matter."""
    if supervisor.state not in _WORKING:
        return
    for node in supervisor.children:
        name = node.path.removeprefix(f"{root.path}/")
        if node.state == _STOPPED:
            yield f"{name} was stopped; `hsictl actor start {name}` starts it"
        elif node.is_paused:
            yield f"{name} is paused; `hsictl actor resume {name}` ends that"
        yield from _left_idle(node, root)
