"""Resetting a child: an operator has mended what made it fail."""

import pytest
import trio

from supervision import Backoff, ChildNotFound, ChildSpec, OnExhausted, RestartScheduled, Supervisor
from supervision.testing import CrashesAfter, Obedient, Script, running

PARKS = {"backoff": Backoff.none(), "on_exhausted": OnExhausted.PARK, "cooldown": 100}


async def test_a_reset_child_has_its_whole_budget_again(autojump_clock, recorder):
    """Parked after one restart; reset and started by hand, it is restarted again, not parked."""
    child = ChildSpec("a", Script(*[CrashesAfter(1)] * 3, Obedient()), **PARKS)
    async with running(Supervisor("root", [child], intensity=1, sink=recorder)) as root:
        await trio.sleep(3)
        assert root.tree().children[0].state == "parked"
        await root.reset_child("a")
        await root.restart_child("a")
        await trio.sleep(3)
        assert root.tree().children[0].state == "ready"

    assert recorder.trace(RestartScheduled) == ["restart_scheduled a#1", "restart_scheduled a#3"]


async def test_a_reset_leaves_the_child_where_it_is_and_forgets_its_errors(autojump_clock):
    """What the tree shows of a parked child is that it is parked, and no error any more."""
    child = ChildSpec("a", CrashesAfter(0, OSError("no device")), **PARKS)
    async with running(Supervisor("root", [child], intensity=1)) as root:
        await trio.sleep(1)
        assert "no device" in root.tree().children[0].last_error
        await root.reset_child("a")
        (shown,) = root.tree().children

    assert (shown.state, shown.last_error, shown.deaths) == ("parked", None, ())


async def test_an_unknown_child_can_not_be_reset(autojump_clock):
    """As with every call."""
    async with running(Supervisor("root", [ChildSpec("a", Obedient())])) as root:
        with pytest.raises(ChildNotFound):
            await root.reset_child("b")
