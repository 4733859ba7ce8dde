"""Clock and graphics cards."""

from datetime import UTC, datetime

import pytest

from hsid.doctor.findings import Finding, Verdict, worst
from hsid.doctor.machine import judge_clock, judge_gpu
from hsid.doctor.unit import read_unit
from hsid.gpu.survey import Fault, FaultKind, LostCard, Survey
from hsid.model import GpuReading
from tests.unit.doctor.bodies import UNIT

PASS, WARN, FAIL = Verdict
NOW = datetime(2026, 5, 1, tzinfo=UTC)
CARD = GpuReading(NOW, 0, "uuid", "RTX", 0.1, 1, 2, 40.0, 30.0)


@pytest.mark.parametrize(
    ("now", "is_synchronised", "verdict"),
    [
        (NOW, True, PASS),
        (NOW, None, PASS),
        (NOW, False, WARN),
        (NOW.replace(year=1970), True, FAIL),
        (NOW.replace(year=2106), None, FAIL),
    ],
)
def test_the_clock_has_to_be_plausible_and_should_be_kept_right(now, is_synchronised, verdict):
    """A year that can't be is a failure, whoever says that it is right."""
    assert judge_clock(now, is_synchronised=is_synchronised).verdict is verdict


@pytest.mark.parametrize("kind", FaultKind)
def test_no_card_is_needed(kind):
    """What is wrong with one is a warning at most; no driver at all is nothing."""
    (finding,) = judge_gpu(Fault(kind, "detail"), None)

    assert finding.verdict is (PASS if kind is FaultKind.NO_LIBRARY else WARN)


def test_a_card_that_the_unit_hides_is_told_with_the_drop_in():
    """We see it and the service does not."""
    (hidden,) = judge_gpu(Survey((CARD,)), UNIT)
    (shown,) = judge_gpu(Survey((CARD,)), read_unit(["[Service]\nPrivateDevices=no"]))

    assert (hidden.verdict, "gpu.conf" in hidden.fix) == (WARN, True)
    assert (shown.verdict, shown.summary) == (PASS, "RTX")


def test_lost_cards_stand_beside_those_that_work():
    """One finding each."""
    findings = list(judge_gpu(Survey((CARD,), (LostCard(1, Fault(FaultKind.LOST)),)), None))

    assert [finding.verdict for finding in findings] == [WARN, PASS]


@pytest.mark.parametrize(
    ("verdicts", "result"), [((), PASS), ((PASS, WARN), WARN), ((WARN, FAIL, PASS), FAIL)]
)
def test_the_worst_verdict_counts(verdicts, result):
    """Of none it is PASS."""
    assert worst(Finding("c", verdict, "s") for verdict in verdicts) is result
