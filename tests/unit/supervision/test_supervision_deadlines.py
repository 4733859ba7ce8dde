"""The driver's deadlines against asking every child each time."""

import math

from hypothesis import given
from hypothesis import strategies as st

from supervision import ChildSpec
from supervision._core._state import Child, Phase
from supervision._deadlines import Deadlines
from supervision.testing import Obedient

TIMES = st.integers(0, 20).map(float)
MOVES = st.lists(st.tuples(st.sampled_from("abcd"), TIMES | st.just(math.inf)), max_size=60)


def waiting(name, due):
    return Child(ChildSpec(name, Obedient()), Phase.BACKOFF, 0.0, deadline=due)


@given(MOVES)
def test_earliest_is_the_least_of_what_all_children_say(moves):
    """However often their deadlines moved, back and forth, or went away."""
    deadlines, children = Deadlines(), {}
    for name, due in moves:
        children[name] = waiting(name, due)
        deadlines.arm(name, due)
        assert deadlines.earliest(children) == min(each.due for each in children.values())


@given(MOVES, TIMES)
def test_taking_what_is_due_takes_each_child_once_and_leaves_the_others(moves, now):
    """In the order of their times."""
    deadlines, children = Deadlines(), {}
    for name, due in moves:
        children[name] = waiting(name, due)
        deadlines.arm(name, due)
    taken = deadlines.take_due(children, now)

    assert sorted(taken) == sorted(name for name, each in children.items() if each.due <= now)
    assert sorted(taken, key=lambda name: children[name].due) == list(taken)
    later = [each.due for each in children.values() if each.due > now]
    assert deadlines.earliest(children) == min(later, default=math.inf)


def test_what_is_outdated_is_swept_out():
    """A child that is restarted for ever does not fill the memory with its old deadlines."""
    deadlines, sooner = Deadlines(), waiting("b", 0.0)
    deadlines.arm("b", 0.0)
    for due in range(1, 10_000):
        children = {"a": waiting("a", float(due)), "b": sooner}
        deadlines.arm("a", float(due))
        assert deadlines.earliest(children) == 0.0

    assert len(deadlines) < 100
    assert deadlines.take_due(children, 10_000.0) == ("b", "a")


def test_deadline_of_a_forgotten_child_never_comes():
    """Its record is gone, and its timer with it."""
    deadlines = Deadlines()
    deadlines.arm("a", 5.0)

    assert deadlines.earliest({}) == math.inf
    assert deadlines.take_due({}, 10.0) == ()
