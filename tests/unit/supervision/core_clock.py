"""The simplest clock that a core can have: it asks every child, each time."""

import math

from supervision._core import step
from supervision._core._messages import Tick


def next_deadline(state):
    """Return when the state needs a tick; infinity if only an input can move it."""
    return min((each.due for each in state.children.values()), default=math.inf)


def due_children(state, now):
    """Return the ids of those whose deadlines have come."""
    return tuple(each.id for each in state.children.values() if each.due <= now)


def tick(state, now):
    """Return the state after the tick of *now*, and the actions."""
    return step(state, Tick(due_children(state, now)), now)
