"""The machine itself: its clock and its graphics cards. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import assert_never

from hsid.doctor.findings import Finding, failed, passed, warned
from hsid.doctor.unit import DROP_IN_FOLDER, Unit
from hsid.gpu.survey import Fault, FaultKind, Outcome, Survey

CLOCK = "clock"
GPU = "gpu"

_PLAUSIBLE_YEARS = range(2025, 2100)
"""From the making of this program on; a board without a battery wakes up in 1970."""


def judge_clock(now: datetime, *, is_synchronised: bool | None) -> Finding:
    """Say whether the time can be right; *is_synchronised* is None where nobody tells."""
    fix = "timedatectl set-ntp true, or start another time service"
    if now.year not in _PLAUSIBLE_YEARS:
        return failed(CLOCK, f"the year is {now.year} by the clock of this machine", fix)
    if is_synchronised is False:
        words = "the clock is not synchronised: times of events may be wrong"
        return warned(CLOCK, words, fix)
    if is_synchronised is None:
        return passed(CLOCK, "the time is plausible; whether it is synchronised nobody tells")
    return passed(CLOCK, "the clock is synchronised")


def judge_gpu(outcome: Outcome, unit: Unit | None) -> Iterator[Finding]:
    """Say how the graphics cards are; none is needed, so nothing here is a failure."""
    match outcome:
        case Fault(FaultKind.NO_LIBRARY):
            yield passed(GPU, "no NVIDIA driver is installed, and none is needed")
        case Fault():
            yield warned(GPU, outcome.words, "do what it says; hsid works without the card")
        case Survey(readings, lost):
            for card in lost:
                yield warned(GPU, f"card {card.number}: {card.fault.words}", "see `dmesg`")
            names = ", ".join(reading.name or f"card {reading.number}" for reading in readings)
            if readings and unit is not None and not unit.has_devices:
                drop_in = f"copy systemd/examples/gpu.conf to {DROP_IN_FOLDER}"
                yield warned(GPU, f"{names}: hidden from the service by its unit", drop_in)
            elif readings or not lost:
                yield passed(GPU, names or "no NVIDIA card, and none is needed")
        case _:
            assert_never(outcome)
