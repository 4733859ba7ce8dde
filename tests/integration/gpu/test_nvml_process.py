"""The reading process: what the driver says, and what its failures cost.

The library is a stand-in, everything above it is real: pynvml, the process, the pipe.
"""

import os
import signal

import pytest
import trio

from hsid.gpu.survey import Fault, FaultKind
from hsid.media.workers import Worker


async def leave_alone(_):
    """Stands for killing a process that the kernel does not let go."""
    await trio.lowlevel.checkpoint()


async def test_all_cards_are_read_in_base_units(driver, open_process):
    """Watts, not milliwatts; ratios, not percent; bytes."""
    survey = await open_process().look()

    first, second = survey.readings
    assert (first.number, first.uuid, first.name) == (0, "GPU-0", "Stand-in 0")
    assert (first.utilization_ratio, first.power_watts) == (0.25, 70.5)
    assert (first.memory_used_bytes, first.memory_total_bytes) == (4_000_000_000, 8_000_000_000)
    assert (first.temperature_celsius, second.temperature_celsius) == (40, 41)


@pytest.mark.parametrize("code", [3, 4, 13, 999])
async def test_what_a_card_does_not_report_is_absent(driver, open_process, code):
    """Not 0, and nothing else is spoiled by it."""
    driver.say("cards 1", f"power {code}")

    (reading,) = (await open_process().look()).readings

    assert reading.power_watts is None
    assert reading.temperature_celsius == 40


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (4, FaultKind.NO_PERMISSION),
        (9, FaultKind.NOT_LOADED),
        (12, FaultKind.NO_LIBRARY),
        (18, FaultKind.MISMATCH),
        (999, FaultKind.OTHER),
    ],
)
async def test_a_driver_that_refuses_is_named(driver, open_process, code, kind):
    """Each refusal has its kind, and the driver's own words."""
    driver.say(f"init {code}")

    fault = await open_process().look()

    assert fault.kind is kind
    assert fault.detail in fault.words


async def test_a_machine_without_the_library_is_no_failure(without_driver, open_process):
    """It is told apart from a driver that is broken."""
    assert (await open_process().look()).kind is FaultKind.NO_LIBRARY


@pytest.mark.parametrize(
    ("code", "kind"),
    [(15, FaultKind.LOST), (16, FaultKind.LOST), (4, FaultKind.NO_PERMISSION)],
)
async def test_a_lost_card_leaves_the_others_readable(driver, open_process, code, kind):
    """Its number and the reason are known, the rest is read."""
    driver.say("cards 2", "lost 0", f"code {code}")

    survey = await open_process().look()

    assert [reading.uuid for reading in survey.readings] == ["GPU-1"]
    assert [(card.number, card.fault.kind) for card in survey.lost] == [(0, kind)]


async def test_a_call_that_hangs_is_given_up(driver, open_process):
    """Its process is killed, and the next look has another."""
    process = open_process(patience=2.0)
    driver.say("cards 1", "hang 1")
    assert await process.look() == Fault(FaultKind.HUNG, "no answer within 2 s")

    driver.say("cards 1")
    assert len((await process.look()).readings) == 1


async def test_a_crash_of_the_library_costs_its_process_only(driver, open_process):
    """The signal is told, and the next look has another process."""
    process = open_process()
    driver.say("cards 1", "abort 1")
    fault = await process.look()
    assert (fault.kind, "SIGABRT" in fault.detail) == (FaultKind.CRASHED, True)

    driver.say("cards 1")
    assert len((await process.look()).readings) == 1


async def test_a_process_that_nothing_can_end_is_not_joined_by_another(
    driver, open_process, monkeypatch
):
    """As one stuck in the kernel: a look says so at once, until the process has gone."""
    process = open_process(patience=2.0)
    driver.say("cards 1", "hang 1")
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "end", leave_alone)
        await process.look()
        stuck = process._worker
        assert (await process.look()).detail == "a process is stuck in it and can't be ended"
        assert process._worker is stuck

    await stuck.end()
    driver.say("cards 1")
    assert len((await process.look()).readings) == 1


async def test_one_process_serves_all_looks_until_it_is_ended(driver, open_process):
    """The library is loaded once; a new process finds a driver that was replaced."""
    process = open_process()
    await process.look()
    first = process._worker
    await process.look()
    assert process._worker is first

    await process.end()
    assert first.has_ended
    await process.look()
    assert process._worker is not first


async def test_a_process_that_was_killed_is_replaced(driver, open_process):
    """Whoever killed it, the next look has another."""
    process = open_process()
    await process.look()
    os.kill(process._worker._process.pid, signal.SIGKILL)
    with trio.fail_after(5):
        while not process._worker.has_ended:
            await trio.sleep(0.01)

    assert len((await process.look()).readings) == 2


async def test_a_cancelled_look_ends_its_process(driver, open_process):
    """A daemon that stops does not wait for a driver."""
    process = open_process()
    driver.say("cards 1", "hang 1")
    with trio.move_on_after(0.5):
        await process.look()

    assert process._worker.has_ended
