"""Stories that chance seldom tells, played on the core and on the naive model at once.

Each step compares everything: phases, deadlines, counts, answers, and every event with its facts.
"""

import pytest

from supervision import (
    AutoShutdown,
    Backoff,
    ChildSpec,
    OnExhausted,
    Restart,
    StopCause,
    SupervisorSpec,
)
from supervision._core._messages import (
    Begin,
    DeleteChild,
    Ended,
    Readied,
    RestartChild,
    StartChild,
    Stop,
    TerminateChild,
    Tick,
)
from supervision._outcome import Declined, Failure, Raised, Returned
from supervision.testing import Obedient
from tests.unit.supervision.duel import Duel

CRASH = Raised(Failure("OSError", "oops"))
FATAL = Raised(Failure("ValueError", "hopeless"), is_fatal=True)
QUICK = Backoff(minimum=0.5, maximum=1, jitter=0, reset_after=10)


def child(name="a", **policy):
    return ChildSpec(name, Obedient(), **{"backoff": QUICK, "lenient_start": True, **policy})


def parking(name="a", **policy):
    return child(name, on_exhausted=OnExhausted.PARK, cooldown=60.0, **policy)


def play(*steps, children=None, **rules):
    """Play *steps*, each a time and an input; return the duel and the last step's events."""
    spec = SupervisorSpec("root", tuple(children or [parking()]), **{"intensity": 2, **rules})
    duel, told = Duel(spec), []
    for now, event in [(0.0, Begin()), *steps]:
        told = duel.feed(event, now)
    return duel, told


UNTIL_PARKED = (
    (1.0, Readied("a", 1)),
    (2.0, Ended("a", 1, CRASH)),
    (2.5, Tick(("a",))),
    (3.0, Readied("a", 2)),
    (4.0, Ended("a", 2, CRASH)),
    (5.0, Tick(("a",))),
    (6.0, Readied("a", 3)),
    (7.0, Ended("a", 3, CRASH)),
)


def test_a_child_that_goes_on_to_crash_is_parked():
    """After the restarts that its supervisor allows it is left down for the cool-down."""
    duel, told = play(*UNTIL_PARKED)

    assert told == ["child_exited", "child_parked"]
    assert duel.state.children["a"].due == 67.0


def test_a_healthy_trial_ends_the_parking():
    """It counts as well again: its restarts and its cool-down begin anew."""
    trial = ((67.0, Tick(("a",))), (68.0, Readied("a", 4)))
    duel, told = play(*UNTIL_PARKED, *trial, (78.0, Tick(("a",))))
    well = duel.state.children["a"]

    assert told == ["child_unparked"]
    assert (well.is_trial, well.trips, well.attempt) == (False, 0, 0)


def test_a_failed_trial_parks_for_twice_as_long():
    """One failure is enough on trial, and the next trial is further off."""
    trial = ((67.0, Tick(("a",))), (68.0, Readied("a", 4)), (69.0, Ended("a", 4, CRASH)))
    duel, told = play(*UNTIL_PARKED, *trial)

    assert told == ["child_exited", "child_parked"]
    assert duel.state.children["a"].due == 69.0 + 120.0


def test_a_crash_after_a_healthy_trial_is_a_first_one():
    """What was before the healthy run is forgotten, whether a look at it came in between or not."""
    trial = ((67.0, Tick(("a",))), (68.0, Readied("a", 4)), (90.0, Ended("a", 4, CRASH)))
    duel, told = play(*UNTIL_PARKED, *trial)
    well = duel.state.children["a"]

    assert told == ["child_exited", "restart_scheduled"]
    assert (well.is_trial, well.trips, well.attempt) == (False, 0, 1)


def test_a_stop_finds_a_parked_child_down():
    """It is not waited for, and its trial is called off."""
    duel, told = play(*UNTIL_PARKED, (8.0, Stop()))

    assert told == ["supervisor_stopping", "supervisor_stopped"]
    assert duel.state.children["a"].phase == "stopped"


def test_a_fatal_error_parks_for_good():
    """No cool-down: a person must have changed something first."""
    duel, told = play((1.0, Readied("a", 1)), (2.0, Ended("a", 1, FATAL)))

    assert told == ["child_exited", "child_parked"]
    assert duel.state.children["a"].deadline is None


def test_a_manual_start_that_is_declined_is_answered_with_done():
    """Nothing to do here is no failure."""
    duel, _ = play(
        (1.0, Readied("a", 1)),
        (2.0, TerminateChild(1, "a")),
        (3.0, Ended("a", 1, Returned())),
        (4.0, RestartChild(2, "a")),
        (5.0, Ended("a", 2, Declined("nothing to do"))),
    )

    assert duel.model.replies == {1: ["Done"], 2: ["Done"]}


def test_a_child_that_is_parked_in_the_line_of_first_starts_lets_the_next_one_start():
    """Whoever stands behind it waits for nobody that is left down."""
    duel, told = play((1.0, Ended("a", 1, FATAL)), children=[parking(), child("b")])

    assert told == ["child_exited", "child_parked", "child_starting"]
    assert duel.state.children["b"].phase == "starting"


def test_what_is_abandoned_while_stopping_is_a_zombie_without_deadline():
    """Nobody looks at it again until it ends by itself."""
    duel, told = play(
        (1.0, Readied("a", 1)),
        (2.0, TerminateChild(1, "a")),
        (2.0 + 5.0, Tick(("a",))),
        children=[child(grace=5.0)],
    )
    zombie = duel.state.children["a"]

    assert told == ["child_abandoned", "child_exited"]
    assert (zombie.phase, zombie.since, zombie.deadline) == ("zombie", 7.0, None)


def test_a_temporary_child_is_kept_for_its_zombie_only():
    """A start by hand that fails leaves no more of it than there was: the zombie's number."""
    duel, _ = play(
        (1.0, Readied("a", 1)),
        (2.0, TerminateChild(1, "a")),
        (7.0, Tick(("a",))),
        (8.0, RestartChild(2, "a")),
        (9.0, Ended("a", 2, CRASH)),
        children=[child(grace=5.0, restart=Restart.TEMPORARY, lenient_start=False)],
    )

    assert [each.phase for each in duel.state.children.values()] == ["zombie"]


def test_a_short_drain_is_a_drain():
    """Half a second to finish is asked for before the cancel as well as half a minute."""
    duel, told = play(
        (1.0, Readied("a", 1)), (2.0, TerminateChild(1, "a")), children=[child(drain=0.5)]
    )

    assert told == ["child_stopping"]
    assert duel.state.children["a"].due == 2.5


@pytest.mark.parametrize(
    ("phase", "steps"),
    [
        ("backoff", [(2.0, Ended("b", 1, CRASH))]),
        ("starting", [(2.0, Ended("b", 1, CRASH)), (2.5, Tick(("b",)))]),
        ("parked", [(2.0, Ended("b", 1, FATAL))]),
    ],
)
def test_a_significant_sibling_that_may_come_back_keeps_the_supervisor(phase, steps):
    """All have left only when none is up, and none is on its way."""
    children = [
        child("a", significant=True, restart=Restart.TRANSIENT),
        parking("b", significant=True, restart=Restart.TRANSIENT),
    ]
    ready = [(1.0, Readied("a", 1)), (1.0, Readied("b", 1))]
    duel, told = play(
        *ready,
        *steps,
        (3.0, Ended("a", 1, Returned())),
        children=children,
        auto_shutdown=AutoShutdown.ALL_SIGNIFICANT,
    )

    assert (duel.state.children["b"].phase, told) == (phase, ["child_exited"])


def test_the_ends_of_dynamic_children_are_counted_with_their_errors():
    """A summary instead of a thousand lines: how many were abandoned, and which errors came."""
    names, told = ("a", "b", "c"), []
    spec = SupervisorSpec("root", (), template=child("t", lenient_start=False))
    duel = Duel(spec)
    duel.feed(Begin(), 0.0)
    for ticket, name in enumerate(names):
        duel.feed(StartChild(ticket, child(name, grace=1.0)), 0.0)
        duel.feed(Readied(name, 1), 1.0)
    duel.feed(Stop(), 2.0)
    duel.feed(Ended("a", 1, CRASH), 2.5)
    duel.feed(Ended("b", 1, Returned()), 2.5)
    told = duel.feed(Tick(("c",)), 3.0)

    assert told[-2:] == ["children_stopped", "supervisor_stopped"]
    assert dict(duel.state.ends) == {"Stopped OSError": 1, "Stopped": 1, "Abandoned": 1}


def test_a_child_that_is_deleted_and_added_again_begins_at_one():
    """Nothing of the first one is left."""
    duel, _ = play(
        (1.0, Readied("a", 1)),
        (2.0, TerminateChild(1, "a")),
        (3.0, Ended("a", 1, Returned())),
        (4.0, DeleteChild(2, "a")),
        (5.0, StartChild(3, child())),
    )
    again = duel.state.children["a"]

    assert (again.incarnation, again.since, again.deaths) == (1, 5.0, ())


def test_a_stop_of_the_supervisor_is_no_fault_of_a_child_without_a_cause():
    """What ends in the stop ends as stopped, by the cause that was told."""
    duel, _ = play((1.0, Readied("a", 1)), (2.0, Stop()), (2.5, Ended("a", 1, Returned())))

    assert duel.state.children["a"].last.cause is StopCause.SHUTDOWN
