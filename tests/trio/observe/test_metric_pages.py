"""Pages are made when they are asked for, once for all who ask within a second."""

import pytest
import trio

from hsid.observe.metrics import Pages
from tests.unit.observe.states import build_queue, build_state

OPENMETRICS = "application/openmetrics-text"


class Sampler:
    """Counts how often it is asked; takes *delay* each time."""

    def __init__(self, delay=0.0):
        self.calls = 0
        self.delay = delay

    async def sample(self):
        self.calls += 1
        ready = self.calls
        await trio.sleep(self.delay)
        return build_state(queues=(build_queue(ready=ready, leased=0, delayed=0),))


async def test_nobody_asks_and_nothing_is_read(autojump_clock):
    """An idle daemon has no work with its metrics."""
    sampler = Sampler()
    Pages(sampler.sample)
    await trio.sleep(3600)

    assert sampler.calls == 0


async def test_a_page_is_kept_for_a_second(autojump_clock):
    """Two Prometheus servers cost no more than one."""
    sampler = Sampler()
    pages = Pages(sampler.sample)
    first = await pages.page(None)
    assert await pages.page(None) is first
    await trio.sleep(1)
    later = await pages.page(None)

    assert (sampler.calls, b"hsi_detection_queue_depth 2.0\n" in later.content) == (2, True)


async def test_formats_and_probes_share_one_look_at_the_state(autojump_clock):
    """They tell of the same moment."""
    sampler = Sampler()
    pages = Pages(sampler.sample)
    text, openmetrics = await pages.page(None), await pages.page(OPENMETRICS)
    await pages.state()

    assert sampler.calls == 1
    assert openmetrics.content.endswith(b"# EOF\n")
    assert not text.content.endswith(b"# EOF\n")


async def test_a_crowd_waits_for_one_look(autojump_clock):
    """However many ask while the state is being read."""
    sampler = Sampler(delay=0.5)
    pages = Pages(sampler.sample)
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(pages.page, None)

    assert sampler.calls == 1


async def test_one_who_leaves_does_not_keep_the_others_waiting(autojump_clock):
    """The next in the line looks for itself."""
    sampler = Sampler(delay=0.5)
    pages = Pages(sampler.sample)
    with trio.move_on_after(0.2):
        await pages.page(None)
    with trio.fail_after(1):
        assert await pages.page(None)


async def test_a_look_that_fails_is_not_kept(autojump_clock):
    """The next one who asks tries again."""
    fails = iter((True, False))

    async def sample():
        await trio.lowlevel.checkpoint()
        if next(fails):
            raise ArithmeticError
        return build_state()

    pages = Pages(sample)
    with pytest.raises(ArithmeticError):
        await pages.page(None)
    assert await pages.page(None)
