"""The core, step by step: what the driver could hardly bring about."""

import math

import pytest

from supervision import (
    Backoff,
    ChildSpec,
    ChildStopping,
    OnExhausted,
    Restart,
    Stage,
    Strategy,
    SupervisorSpec,
)
from supervision._core import initial_state, step
from supervision._core._messages import (
    AnnounceReady,
    Beaten,
    Begin,
    Done,
    Emit,
    Ended,
    Exit,
    Readied,
    Refusal,
    Reply,
    RestartChild,
    Start,
    StartChild,
    Stop,
    TerminateChild,
)
from supervision._outcome import Death, Failure, Raised, Returned
from supervision.testing import Obedient
from tests.unit.supervision.core_clock import next_deadline, tick

CRASH = Raised(Failure("OSError", "oops"))
EXACT = Backoff(minimum=1, maximum=1, jitter=0, reset_after=60)


def child(name, **policy):
    return ChildSpec(name, Obedient(), **{"backoff": EXACT, **policy})


def play(*inputs, children=("a",), now=0.0, **rules):
    """Return the state after *inputs* at time *now*, and the actions of the last one."""
    specs = tuple(child(each) if isinstance(each, str) else each for each in children)
    state = initial_state(SupervisorSpec("root", specs, **rules), path="root", seed=0.5, now=now)
    actions = ()
    for event in inputs:
        state, actions = step(state, event, now)
    return state, actions


def started(actions):
    """Return whom the *actions* start."""
    return [each.child for each in actions if isinstance(each, Start)]


def test_step_leaves_the_state_it_was_given_alone():
    """A step is pure: the old state and its children are what they were."""
    before, _ = play(Begin())
    phases = {each.id: each.phase for each in before.children.values()}
    step(before, Readied("a", 1), 1.0)

    assert {each.id: each.phase for each in before.children.values()} == phases


def test_same_input_gives_the_same_step():
    """Nothing random or timed hides in it, the jitter included."""
    state, _ = play(Begin(), Readied("a", 1), children=[ChildSpec("a", Obedient())])

    assert step(state, Ended("a", 1, CRASH), 3.0) == step(state, Ended("a", 1, CRASH), 3.0)


def test_beat_of_the_dead_means_nothing():
    """A sign of life from an incarnation that is over changes nothing."""
    state, _ = play(Begin())

    assert step(state, Beaten("a", 9, 5.0), 5.0)[0] == state


def test_beat_never_goes_back():
    """An older sign of life does not hide a newer one."""
    state, _ = play(Begin(), Readied("a", 1), now=10.0)
    state, _ = step(state, Beaten("a", 1, 3.0), 10.0)

    assert state.children["a"].beat_at == 10.0


def test_ready_while_being_stopped_comes_too_late():
    """A child that says so after its cancel is still being stopped."""
    state, actions = play(Begin(), Stop(), Readied("a", 1))

    assert state.children["a"].phase == "stopping"
    assert actions == ()


def test_next_deadline_is_infinite_when_only_an_input_can_move_it():
    """A quiet supervisor needs no clock."""
    assert next_deadline(play(Begin(), Readied("a", 1))[0]) == math.inf


def test_stop_before_the_beginning_exits_at_once():
    """With nothing started there is nothing to wait for."""
    _, actions = play(Stop())

    assert actions[-1] == Exit()


def test_stop_twice_is_one_stop():
    """The second request changes nothing."""
    state, _ = play(Begin(), Stop())

    assert step(state, Stop(), 0.0) == (state, ())


def test_urgent_stop_never_lengthens_a_grace():
    """However often one hurries, the deadline only comes nearer."""
    state, _ = play(Begin(), Readied("a", 1), Stop(is_urgent=True))
    first = next_deadline(state)
    state, _ = step(state, Stop(is_urgent=True), 0.05)

    assert next_deadline(state) == first == pytest.approx(0.1)


def test_manual_start_stopped_by_a_group_is_answered():
    """Nobody waits for ever for a start that a sibling's crash has ended."""
    state, _ = play(
        Begin(), Readied("a", 1), StartChild(7, child("b")), strategy=Strategy.ONE_FOR_ALL
    )
    state, _ = step(state, Ended("a", 1, CRASH), 0.0)
    _, actions = step(state, Ended("b", 1, Returned()), 0.0)

    assert Reply(7, Refusal.INTERRUPTED) in actions


def test_manual_start_that_fails_while_its_group_halts_is_forgotten():
    """Its own failure is its starter's business; the group goes on without it."""
    waiting = [child("a"), child("c")]
    state, _ = play(
        Begin(),
        Readied("a", 1),
        Readied("c", 1),
        StartChild(7, child("b")),
        StartChild(8, child("d")),
        children=waiting,
        strategy=Strategy.ONE_FOR_ALL,
    )
    state, _ = step(state, Ended("a", 1, CRASH), 0.0)
    state, actions = step(state, Ended("b", 1, CRASH), 0.0)

    assert [type(each.answer).__name__ for each in actions if isinstance(each, Reply)] == [
        "NotStarted"
    ]
    assert "b" not in state.children
    assert "b" not in state.halting + state.rollout


def test_terminate_takes_a_member_out_of_its_group():
    """A child terminated while its group halts is waited for, and not started again."""
    names = ["a", "b"]
    ready = [Readied(name, 1) for name in names]
    state, _ = play(Begin(), *ready, children=names, strategy=Strategy.ONE_FOR_ALL)
    state, _ = step(state, Ended("a", 1, CRASH), 0.0)
    state, _ = step(state, TerminateChild(3, "b"), 0.0)
    state, actions = step(state, Ended("b", 1, Returned()), 0.0)
    assert Reply(3, Done()) in actions

    state, actions = tick(state, 1.0)
    assert started(actions) == ["a"]
    assert state.children["b"].phase == "stopped"


def test_terminate_of_a_waiting_temporary_child_forgets_it():
    """It is down already, and its spec goes with it."""
    brief = child("b", restart=Restart.TEMPORARY)
    state, actions = play(Begin(), TerminateChild(1, "b"), children=["a", brief])

    assert list(state.children) == ["a"]
    assert actions == (Reply(1, Done()),)


def test_unannounced_child_of_an_early_stop_is_never_announced():
    """A supervisor that stops while starting does not say that it is ready."""
    state, actions = play(Begin(), Stop(), Ended("a", 1, Returned()))

    assert not state.is_ready
    assert AnnounceReady() not in actions


def test_parked_child_can_be_terminated_before_its_trial():
    """Then there is no trial."""
    parked = child("a", on_exhausted=OnExhausted.PARK, lenient_start=True)
    state, _ = play(Begin(), Ended("a", 1, CRASH), children=[parked], intensity=0)
    assert state.children["a"].phase == "parked"

    state, _ = step(state, TerminateChild(1, "a"), 1.0)
    assert next_deadline(state) == math.inf


def test_failed_manual_trial_parks_again():
    """A parked child restarted by hand that fails goes back to where it was, for longer."""
    parked = child("a", on_exhausted=OnExhausted.PARK, lenient_start=True, cooldown=10)
    state, _ = play(Begin(), Ended("a", 1, CRASH), children=[parked], intensity=0)
    state, _ = step(state, RestartChild(5, "a"), 1.0)
    state, _ = step(state, Ended("a", 2, CRASH), 2.0)

    assert (state.children["a"].phase, next_deadline(state)) == ("parked", 22.0)


def test_cooldown_doubles_only_so_often():
    """However often a trial fails, the next one is not more than about an hour away."""
    parked = child("a", on_exhausted=OnExhausted.PARK, lenient_start=True, cooldown=60)
    state, _ = play(Begin(), Ended("a", 1, CRASH), children=[parked], intensity=0)
    now = 0.0
    for number in range(2, 20):
        now = next_deadline(state)
        state, _ = tick(state, now)
        state, _ = step(state, Ended("a", number, CRASH), now)

    assert next_deadline(state) - now == 60 * 64


def test_tally_remembers_a_hundred_deaths():
    """The past is bounded."""
    loop = child("a", on_exhausted=OnExhausted.NEVER, lenient_start=True)
    state, _ = play(Begin(), children=[loop])
    for number in range(1, 151):
        state, _ = step(state, Ended("a", number, CRASH), float(number))
        state, _ = tick(state, next_deadline(state))

    deaths = state.children["a"].deaths
    assert (len(deaths), deaths[0].incarnation, deaths[-1].incarnation) == (100, 51, 150)


def test_tally_tells_when_how_long_and_of_what():
    """One line per death, enough to see a pattern in."""
    state, _ = play(Begin(), Readied("a", 1), now=10.0)
    state, _ = step(state, Ended("a", 1, CRASH), 12.5)

    assert state.children["a"].deaths == (Death(1, 12.5, 2.5, "Crashed", "OSError: oops"),)


@pytest.mark.parametrize(
    ("ending", "failure"),
    [(CRASH, CRASH.failure), (Returned(), Failure("Completed", ""))],
)
def test_giving_up_names_the_error_or_else_the_outcome(ending, failure):
    """Who is told of the escalation learns what the last straw was, even if nothing was raised."""
    state, _ = play(Begin(), Readied("a", 1), Ended("a", 1, ending), intensity=0)

    assert state.give_up.failure == failure


def test_stale_urgent_stop_after_the_end_changes_nothing():
    """A supervisor that is down stays down."""
    state, _ = play(Begin(), Readied("a", 1), Stop(), Ended("a", 1, Returned()))
    after, actions = step(state, Stop(is_urgent=True), 1.0)

    assert (after.mode, actions) == ("stopped", ())


def test_start_timeout_of_the_very_moment_is_forgiven_a_stall():
    """Whatever came due while the loop stood still, up to now, is not held against a child."""
    beating = child("a", heartbeat_timeout=2)
    state, _ = play(Begin(), Readied("a", 1), children=[beating, child("b", start_timeout=5)])
    state, _ = tick(state, 5.0)

    assert [each.phase for each in state.children.values()] == ["ready", "starting"]


def crash_two_of_a_group():
    """Return the state in which *b* is to be restarted at 4.0, and *a*, before it, at 2.0."""
    slow = child(
        "b", backoff=Backoff(minimum=4, maximum=4, jitter=0), on_exhausted=OnExhausted.NEVER
    )
    ready = [Readied("a", 1), Readied("b", 1)]
    state, _ = play(Begin(), *ready, children=["a", slow], strategy=Strategy.REST_FOR_ONE)
    state, _ = step(state, Ended("b", 1, CRASH), 0.0)
    return step(state, Ended("a", 1, CRASH), 1.0)[0]


def test_an_offender_without_siblings_is_no_group():
    """What is told of a group names those that suffer for another one."""
    state, _ = play(Begin(), Readied("a", 1), strategy=Strategy.ONE_FOR_ALL)
    _, actions = step(state, Ended("a", 1, CRASH), 1.0)

    told = [each.event.name for each in actions if isinstance(each, Emit)]
    assert told == ["child_exited", "restart_scheduled"]


def test_group_waits_for_the_longest_delay_of_its_offenders():
    """A second crash with a shorter delay does not start the first offender early."""
    state, early = tick(crash_two_of_a_group(), 2.0)
    _, late = tick(state, 4.0)

    assert (started(early), started(late)) == ([], ["a"])


def test_terminating_an_offender_leaves_the_others_their_delays():
    """Nobody waits for it any more; whoever has a delay of its own still waits for that."""
    state, at_once = step(crash_two_of_a_group(), TerminateChild(1, "a"), 1.5)
    state, early = tick(state, 2.0)
    _, late = tick(state, 4.0)

    assert (started(at_once), started(early), started(late)) == ([], [], ["b"])


def test_terminating_the_only_offender_starts_its_group_at_once():
    """The delay was the offender's: its siblings do not sit it out."""
    ready = [Readied("a", 1), Readied("b", 1)]
    state, _ = play(Begin(), *ready, children="ab", strategy=Strategy.ONE_FOR_ALL)
    state, _ = step(state, Ended("a", 1, CRASH), 0.0)
    state, _ = step(state, Ended("b", 1, Returned()), 0.0)
    _, actions = step(state, TerminateChild(1, "a"), 0.5)

    assert started(actions) == ["b"]


def test_urgent_stop_gives_a_dynamic_child_no_time_to_drain():
    """It is cancelled at once, as any other: asking first would be a word nobody hears out."""
    template = child("t", drain=5.0)
    spec = SupervisorSpec("root", (), template=template)
    state = initial_state(spec, path="root", seed=0.5, now=0.0)
    for event in (Begin(), StartChild(1, child("a", drain=5.0)), Readied("a", 1)):
        state, _ = step(state, event, 0.0)
    state, actions = step(state, Stop(is_urgent=True), 0.0)

    told = [each.event for each in actions if isinstance(each, Emit)]
    assert [each.stage for each in told if isinstance(each, ChildStopping)] == [Stage.CANCEL]
    assert next_deadline(state) == 0.1


def test_urgent_stop_hastens_one_that_was_being_stopped_before():
    """Its grace was given for a world that still had time."""
    patient = child("a", drain=5.0, grace=30.0)
    state, _ = play(Begin(), Readied("a", 1), TerminateChild(1, "a"), children=[patient])
    state, _ = step(state, Stop(is_urgent=True), 1.0)

    assert next_deadline(state) == 1.1


def test_sibling_being_terminated_is_not_brought_back_by_its_group():
    """An operator's wish outlasts a group restart that begins while it is carried out (D9)."""
    ready = [Readied("a", 1), Readied("b", 1)]
    stop = TerminateChild(1, "b")
    state, _ = play(Begin(), *ready, stop, children="ab", strategy=Strategy.ONE_FOR_ALL)
    state, _ = step(state, Ended("a", 1, CRASH), 0.0)
    state, _ = step(state, Ended("b", 1, Returned()), 0.0)
    state, actions = tick(state, 1.0)

    assert started(actions) == ["a"]
    assert state.children["b"].phase == "stopped"


def test_failed_restart_during_the_first_start_is_no_first_start_failure():
    """A child that was ready once is retried, even before all the others are ready."""
    state, _ = play(Begin(), Readied("a", 1), children="ab")
    state, _ = step(state, Ended("a", 1, CRASH), 0.0)
    state, _ = tick(state, 1.0)
    state, _ = step(state, Ended("a", 2, CRASH), 1.0)

    assert (state.mode, state.children["a"].phase) == ("running", "backoff")


def test_manual_trial_that_leaves_an_exclusive_zombie_is_not_repeated():
    """While the zombie holds what the child needs, no trial may start beside it."""
    policy = {"on_exhausted": OnExhausted.PARK, "lenient_start": True, "exclusive": True}
    state, _ = play(Begin(), Ended("a", 1, CRASH), children=[child("a", **policy)], intensity=0)
    state, _ = step(state, RestartChild(1, "a"), 1.0)
    for _ in ("start timeout", "grace"):
        state, _ = tick(state, next_deadline(state))

    assert (state.children["a"].phase, next_deadline(state)) == ("zombie", math.inf)


def test_child_with_two_zombies_is_one_until_both_have_ended():
    """The end of the first leaves the record where it is."""
    state, _ = play(Begin(), Readied("a", 1))
    for number in (1, 2):
        state, _ = step(state, TerminateChild(None, "a"), 0.0)
        state, _ = tick(state, next_deadline(state))
        if number == 1:
            state, _ = step(state, RestartChild(1, "a"), 5.0)
    phases = []
    for number in (1, 2):
        state, _ = step(state, Ended("a", number, Returned()), 20.0)
        phases.append(state.children["a"].phase)

    assert phases == ["zombie", "stopped"]


def test_abandoned_temporary_child_is_forgotten_when_its_zombie_ends():
    """Until then its record stays, so that no incarnation gets a number twice."""
    brief = child("a", restart=Restart.TEMPORARY)
    state, _ = play(Begin(), Readied("a", 1), TerminateChild(1, "a"), children=[brief])
    state, _ = tick(state, next_deadline(state))
    assert state.children["a"].phase == "zombie"

    state, _ = step(state, Ended("a", 1, Returned()), 20.0)
    assert state.children == {}
