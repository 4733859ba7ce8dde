"""What the answer of a service means."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.doctor.findings import Verdict
from hsid.doctor.services import (
    NoReply,
    Reply,
    judge_detector,
    judge_model,
    judge_redis,
    judge_redis_fault,
)

PASS, WARN, FAIL = Verdict
HEALTHY = {"status": "healthy", "model_loaded": True}


def reply(code=200, /, **document):
    return Reply(code, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("answer", "verdict", "word"),
    [
        (reply(**HEALTHY), PASS, "healthy"),
        (reply(**HEALTHY | {"status": "degraded"}), WARN, "not healthy"),
        (reply(**HEALTHY | {"model_loaded": False}), FAIL, "no model loaded"),
        (reply(status="alive"), WARN, "does not tell"),
        (Reply(200, b"<html>"), WARN, "does not tell"),
        (Reply(200, b"[1]"), WARN, "does not tell"),
        (reply(401), FAIL, "API key"),
        (reply(403), FAIL, "API key"),
        (reply(404), FAIL, "404"),
        (reply(503), FAIL, "not ready"),
        (NoReply("no answer within 5 s"), FAIL, "no answer"),
    ],
)
def test_a_detector_is_judged_by_what_it_says_of_its_model(answer, verdict, word):
    """Status 200 alone does not mean that it can look at a picture."""
    finding = judge_detector("http://box", answer)

    assert (finding.verdict, word in finding.summary) == (verdict, True)
    assert (finding.fix is None) is (verdict is PASS)


@given(status=st.integers(100, 599), body=st.binary(max_size=50))
def test_nothing_of_an_answer_is_repeated(status, body):
    """It may hold anything; there is a finding whatever it is."""
    marked = b"SECRET" + body
    for finding in (
        judge_detector("http://box", Reply(status, marked)),
        judge_model("http://box", Reply(status, marked), is_used=True),
    ):
        assert "SECRET" not in f"{finding.summary} {finding.fix}"


def test_a_model_that_is_not_asked_is_no_failure():
    """No analyst uses it yet: the same trouble is a warning."""
    gone = NoReply("can't be reached")

    assert judge_model("http://m", gone, is_used=True).verdict is FAIL
    assert judge_model("http://m", gone, is_used=False).verdict is WARN
    assert judge_model("http://m", reply(), is_used=False).verdict is PASS


def test_each_warning_about_redis_is_a_finding():
    """With what to write into its configuration."""
    one, two = judge_redis("redis://h", "7.2", ("evicts", "forgets"))

    assert (one.verdict, two.verdict) == (WARN, WARN)
    assert "noeviction" in one.fix
    assert [each.verdict for each in judge_redis("redis://h", "7.2", ())] == [PASS]


@pytest.mark.parametrize("is_refusal", [True, False])
def test_a_redis_server_that_cant_be_used_is_a_failure(is_refusal):
    """Whether it is away or refuses: the fix differs."""
    finding = judge_redis_fault("words", is_refusal=is_refusal)

    assert (finding.verdict, "start the server" in finding.fix) == (FAIL, not is_refusal)
