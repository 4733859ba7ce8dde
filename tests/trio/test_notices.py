"""Notices between actors."""

import trio
from trio.testing import wait_all_tasks_blocked

from hsid.notices import Notice


async def test_any_number_of_notices_before_the_look_are_one() -> None:
    """What was told twice is looked at once."""
    notice = Notice()
    notice.give()
    notice.give()
    await notice.wait()

    with trio.move_on_after(0) as scope:
        await notice.wait()

    assert scope.cancelled_caught


async def test_a_notice_wakes_who_waits(nursery: trio.Nursery) -> None:
    """Who waited before it was given is told, and told once."""
    notice, told = Notice(), []

    async def wait() -> None:
        while True:
            await notice.wait()
            told.append("told")

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    notice.give()
    await wait_all_tasks_blocked()

    assert told == ["told"]


async def test_a_cancelled_wait_loses_no_notice() -> None:
    """An actor that dies while it waits leaves the notice to its next incarnation."""
    notice = Notice()
    with trio.move_on_after(0):
        await notice.wait()
    notice.give()

    with trio.move_on_after(1) as scope:
        await notice.wait()

    assert not scope.cancelled_caught
