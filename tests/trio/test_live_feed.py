"""Telling what happens to whoever listens."""

import pytest
import trio

from hsid.live import End, LiveFeed


async def heard(listening):
    return [item async for item in listening]


async def test_everybody_who_listens_is_told():
    """From when they began, in order, until it is over."""
    feed = LiveFeed()
    with feed.listen() as early:
        feed.tell(1)
        with feed.listen() as late:
            feed.tell(2)
            feed.end()
            assert (await heard(early), await heard(late)) == ([1, 2], [2])

    assert (early.end, late.end) == (End.OVER, End.OVER)


async def test_who_takes_too_little_is_dropped_and_has_what_came_before():
    """Others are told as ever, and whoever tells does not wait."""
    feed = LiveFeed(room=2)
    with feed.listen() as slow, feed.listen() as quick:
        taken = []
        for number in range(4):
            feed.tell(number)
            taken.append(await anext(aiter(quick)))
        assert (await heard(slow), slow.end) == ([0, 1], End.LAGGED)

    assert taken == [0, 1, 2, 3]


async def test_who_has_left_is_told_nothing():
    """The feed counts those who listen now."""
    feed = LiveFeed()
    with feed.listen() as gone:
        assert feed.listeners == 1
    feed.tell(1)

    assert (feed.listeners, await heard(gone)) == (0, [])


async def test_others_may_come_after_the_end():
    """The end is that of those who listened then."""
    feed = LiveFeed()
    feed.end()
    with feed.listen() as later:
        feed.tell(1)
        with trio.move_on_after(1):
            assert await anext(aiter(later)) == 1


@pytest.mark.parametrize("why", [End.LAGGED, End.OVER])
async def test_the_first_reason_to_end_is_the_one_told(why):
    """A second one changes nothing."""
    with LiveFeed().listen() as listening:
        listening.close(why)
        listening.close(End.OVER if why is End.LAGGED else End.LAGGED)

    assert listening.end is why
