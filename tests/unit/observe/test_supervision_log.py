"""What is told of the supervision tree in the log."""

import json

import pytest

from hsid.observe.supervision import SupervisionLog
from supervision import ChildExited, ChildReady, Completed, Crashed, Failure, Outcome, Restart


def exited(outcome: Outcome) -> ChildExited:
    return ChildExited(
        supervisor="house",
        at=12.5,
        child="detector",
        incarnation=2,
        outcome=outcome,
        ran_for=3.0,
        restart=Restart.TRANSIENT,
    )


def crashed() -> ChildExited:
    bad = "password=hunter2 is wrong"
    try:
        int(bad)
    except ValueError as error:
        return exited(Crashed(Failure.of(error)))
    raise AssertionError


def test_a_crash_is_an_error_that_names_child_and_reason(json_log):
    """Everything that belongs to the event is there, but the tree's own clock."""
    SupervisionLog().emit(crashed())
    record = json.loads(json_log.text)
    assert (record["event"], record["level"]) == ("child_exited", "error")
    assert (record["child"], record["supervisor"]) == ("detector", "house")
    assert (
        record["outcome"]
        == "Crashed ValueError: invalid literal for int() with base 10: 'password=*** is wrong'"
    )
    assert "at" not in record


@pytest.mark.usefixtures("quiet_root")
def test_the_traceback_of_a_crash_can_be_read(log):
    """It has a line for each of its lines, in both formats, and no secret."""
    SupervisionLog().emit(crashed())
    text = log.text.replace("\\n", "\n")
    assert "\n    Traceback (most recent call last):\n" in text.replace(
        '"    Trace', '"\n    Trace'
    )
    assert "\n    ValueError: invalid literal" in text
    assert "hunter2" not in text


def test_a_child_that_did_its_work_is_no_trouble(json_log):
    """What is well is told as information, without a traceback."""
    SupervisionLog().emit(ChildReady("house", 1.0, "detector", 1, 0.5))
    SupervisionLog().emit(exited(Completed()))
    first, second = map(json.loads, json_log.lines)
    assert (first["event"], first["level"], first["after"]) == ("child_ready", "info", 0.5)
    assert (second["outcome"], second["level"]) == ("Completed", "info")
    assert "exception" not in second
