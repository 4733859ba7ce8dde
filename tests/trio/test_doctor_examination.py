"""Checks side by side: none waits for another, none costs another its finding."""

import threading

import trio

from hsid.doctor.examination import examine
from hsid.doctor.findings import Verdict, passed


def check(seconds, *names):
    """Return a check that takes so long and passes under *names*."""

    async def look():
        await trio.sleep(seconds)
        return [passed(name, "well") for name in names]

    return look


async def fall_over():
    raise ValueError("postgresql://u:hidden@h/d")


async def test_all_checks_run_at_once_and_are_told_in_their_order(autojump_clock):
    """Ten of five seconds take five."""
    checks = {f"c{number}": check(5 - number / 10, f"c{number}") for number in range(10)}
    began = trio.current_time()
    found = await examine(checks, within=10)

    assert [finding.check for finding in found] == list(checks)
    assert trio.current_time() - began == 5


async def test_a_check_that_never_ends_is_a_finding(autojump_clock):
    """At the limit, whatever the others do."""
    began = trio.current_time()
    hung, well = await examine({"a": trio.sleep_forever, "b": check(0, "b")}, within=10)

    assert (hung.check, hung.verdict, well.verdict) == ("a", Verdict.FAIL, Verdict.PASS)
    assert trio.current_time() - began == 10


async def test_a_check_that_falls_over_is_a_finding_without_its_secret():
    """The words of the error are told, and what is secret in them is not."""
    (fallen, well) = await examine({"a": fall_over, "b": check(0, "b")})

    assert "ValueError" in fallen.summary
    assert "hidden" not in fallen.summary
    assert well.verdict is Verdict.PASS


async def test_a_thread_that_hangs_is_left_behind():
    """As one that waits for a dead network disk: the program ends all the same."""
    released = threading.Event()

    async def hang():
        await trio.to_thread.run_sync(released.wait, abandon_on_cancel=True)
        return []

    (finding,) = await examine({"a": hang}, within=0.05)
    released.set()
    assert "no end within" in finding.summary
