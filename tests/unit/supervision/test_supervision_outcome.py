"""Outcomes: what an ending means, and errors put into words."""

import dataclasses
import json
import logging

import pytest

from supervision import (
    ChildExited,
    ChildStarting,
    Completed,
    Crashed,
    DoNotRestart,
    Failure,
    Fatal,
    Ignored,
    IgnoreStart,
    LoggingSink,
    Outcome,
    Restart,
    Stalled,
    StartFailed,
    StartTimedOut,
    StopCause,
    Stopped,
    describe,
    is_normal,
    level_of,
)
from supervision._core._ending import Fate, fate
from supervision._outcome import Declined, Raised, Returned, classify, leaves
from supervision._runner import ending_of

OOPS = Failure("OSError", "oops")
EVERY_OUTCOME = [
    Completed(),
    Stopped(StopCause.SHUTDOWN),
    Stopped(StopCause.SIBLING, OOPS),
    Crashed(OOPS),
    StartFailed(OOPS),
    StartTimedOut(30),
    Stalled(5),
    Ignored("nothing to do"),
    Fatal(OOPS),
]


@pytest.mark.parametrize(
    ("ending", "was_ready", "expected"),
    [
        (Returned(), True, Completed()),
        (Returned(), False, StartFailed(Failure("StartFailed", "returned before it was ready"))),
        (Raised(OOPS), True, Crashed(OOPS)),
        (Raised(OOPS), False, StartFailed(OOPS)),
        (Raised(OOPS, is_fatal=True), True, Fatal(OOPS)),
        (Raised(OOPS, is_fatal=True), False, Fatal(OOPS)),
        (Declined("no"), False, Ignored("no")),
        (Declined("no"), True, Crashed(Failure("IgnoreStart", "no"))),
    ],
)
def test_ending_becomes_an_outcome_by_whether_it_was_ready(ending, was_ready, expected):
    """The truth table of an end that nobody asked for."""
    assert classify(ending, was_ready=was_ready) == expected


@pytest.mark.parametrize("outcome", EVERY_OUTCOME, ids=lambda each: type(each).__name__)
def test_fate_follows_the_table(outcome):
    """Permanent always, transient if abnormal, temporary never; who declines is left alone."""
    declined = isinstance(outcome, Ignored)
    assert fate(Restart.PERMANENT, outcome) is (Fate.KEEP if declined else Fate.RESTART)
    assert fate(Restart.TRANSIENT, outcome) is (Fate.KEEP if is_normal(outcome) else Fate.RESTART)
    assert fate(Restart.TEMPORARY, outcome) is Fate.FORGET


def test_normal_outcomes_are_exactly_three():
    """Completed, stopped, ignored; everything else is abnormal."""
    assert {type(o) for o in EVERY_OUTCOME if is_normal(o)} == {Completed, Stopped, Ignored}
    assert {type(o) for o in EVERY_OUTCOME} == set(Outcome.__args__)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Completed(), ""),
        (Stopped(StopCause.SHUTDOWN), "shutdown"),
        (Stopped(StopCause.SHUTDOWN, OOPS), "OSError: oops"),
        (StartTimedOut(30.0), "not ready after 30 s"),
        (Stalled(2.5), "no heartbeat for 2.5 s"),
        (Ignored("nothing"), "nothing"),
        (Crashed(Failure("KeyError", "")), "KeyError"),
    ],
)
def test_outcome_is_described_in_a_few_words(outcome, words):
    """What a status line shows."""
    assert describe(outcome) == words


def test_group_of_one_is_named_after_its_member():
    """The wrapping that nurseries add is not what happened."""
    error = ExceptionGroup("nursery", [ExceptionGroup("nursery", [OSError("oops")])])

    assert str(Failure.of(error)) == "OSError: oops"


def test_error_that_cannot_be_formatted_is_described_all_the_same():
    """Even an exception that breaks the formatting becomes a failure."""

    class HopelessError(Exception):
        def __getattribute__(self, name):
            if name == "__cause__":
                raise RuntimeError(name)
            return super().__getattribute__(name)

    failure = Failure.of(HopelessError("oops"))

    assert (failure.kind, failure.message) == ("HopelessError", "oops")
    assert failure.traceback == "<no traceback: formatting it raised RuntimeError>"


def test_traceback_keeps_its_end():
    """A long traceback loses its beginning, where the frames matter least."""
    error = OSError("x" * 20_000 + "the end")

    assert len(Failure.of(error).traceback) == 8_000
    assert Failure.of(error).traceback.endswith("the end\n")


def test_leaves_are_found_at_any_depth():
    """Every single exception of a nested group is looked at."""
    error = ExceptionGroup("a", [OSError(), ExceptionGroup("b", [KeyError(), ValueError()])])

    assert {type(each) for each in leaves(error)} == {OSError, KeyError, ValueError}


@pytest.mark.parametrize(
    ("error", "is_fatal"),
    [
        (OSError("oops"), False),
        (PermissionError("subclasses count"), True),
        (DoNotRestart("no"), True),
        (ExceptionGroup("several", [OSError(), DoNotRestart()]), True),
        (ExceptionGroup("mixed", [OSError(), IgnoreStart()]), False),
    ],
)
def test_fatal_errors_are_recognised_alone_and_in_groups(error, is_fatal):
    """One fatal member makes the whole group fatal."""
    assert ending_of(error, (PermissionError,)).is_fatal is is_fatal


def test_declining_is_recognised_in_a_group_of_its_own_kind():
    """A nursery around the one who declines does not make it an error."""
    assert ending_of(ExceptionGroup("nursery", [IgnoreStart("idle")]), ()) == Declined("idle")


@pytest.mark.parametrize("outcome", EVERY_OUTCOME, ids=lambda each: type(each).__name__)
def test_event_survives_json(outcome):
    """An event is plain data: as JSON and back it is the same."""
    event = ChildExited("root", 1.5, "a", 3, outcome, 2.0, Restart.PERMANENT)
    data = dataclasses.asdict(event)

    assert json.loads(json.dumps(data)) == data


def test_ordinary_events_are_news():
    """What goes as it should is logged as information."""
    assert level_of(ChildStarting("root", 0.0, "a", 1)) == logging.INFO


@pytest.mark.parametrize(
    ("outcome", "restart", "level"),
    [
        (Crashed(OOPS), Restart.TRANSIENT, "ERROR"),
        (Completed(), Restart.PERMANENT, "WARNING"),
        (Completed(), Restart.TRANSIENT, "INFO"),
        (Stopped(StopCause.SHUTDOWN), Restart.PERMANENT, "INFO"),
    ],
)
def test_default_sink_logs_at_the_level_an_event_deserves(caplog, outcome, restart, level):
    """A crash is an error, a permanent child that returned a warning, a stop is news."""
    event = ChildExited("root", 1.5, "a", 3, outcome, 2.0, restart)
    with caplog.at_level("DEBUG", logger="supervision"):
        LoggingSink().emit(event)

    assert [each.levelname for each in caplog.records] == [level]
    assert level_of(event) == caplog.records[0].levelno
    assert caplog.text.count("child_exited") == 1
