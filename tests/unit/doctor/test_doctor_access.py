"""Who may do what with a path: the kernel's own rules, for somebody else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.doctor.access import ENTER, READ, WRITE, Identity, closed_steps, group_may, may
from tests.unit.doctor.bodies import DAEMON, folder, way

RIGHTS = st.integers(0, 7)
MODES = st.integers(0, 0o777)


@given(mode=MODES, wanted=RIGHTS)
def test_the_superuser_may_do_everything(mode, wanted):
    """No mode keeps root out."""
    assert may(Identity("root", 0, frozenset(), "root"), folder("/a", mode), wanted)


@given(mode=MODES, wanted=RIGHTS)
def test_the_bits_of_the_closest_class_alone_decide(mode, wanted):
    """An owner with fewer rights than the rest has fewer rights, and so has the group."""
    owned = folder("/a", mode, uid=900, gid=7)
    shared = folder("/a", mode, uid=1, gid=900)
    other = folder("/a", mode, uid=1, gid=7)

    assert may(DAEMON, owned, wanted) == ((mode >> 6) & wanted == wanted)
    assert (
        may(DAEMON, shared, wanted) == ((mode >> 3) & wanted == wanted) == group_may(shared, wanted)
    )
    assert may(DAEMON, other, wanted) == (mode & wanted == wanted)


@given(mode=MODES, wanted=RIGHTS)
def test_a_group_more_never_takes_a_right_from_who_was_a_stranger(mode, wanted):
    """It may do so only by what is given to the group."""
    step = folder("/a", mode | (mode & 7) << 3, uid=1, gid=7)
    member = replace(DAEMON, groups=frozenset({900, 7}))

    assert may(member, step, wanted) or not may(DAEMON, step, wanted)


def test_a_folder_above_needs_to_be_entered_only():
    """X without r is enough on the way."""
    steps = (folder("/"), folder("/srv", 0o711), folder("/srv/cameras"))

    assert closed_steps(DAEMON, steps, READ | ENTER) == []


@pytest.mark.parametrize(("mode", "wanted"), [(0o750, READ), (0o755, WRITE), (0o744, ENTER)])
def test_the_end_of_the_way_needs_all_that_is_wanted(mode, wanted):
    """The step that is closed is returned."""
    steps = way("/srv/cameras", mode=mode)

    assert closed_steps(DAEMON, steps, wanted) == [steps[-1]]


def test_all_that_is_closed_on_the_way_is_told():
    """So that one look is enough."""
    closed, last = folder("/srv", 0o700), folder("/srv/c", 0)

    assert closed_steps(DAEMON, (folder("/"), closed, last), READ) == [closed, last]
