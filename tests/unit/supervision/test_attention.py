"""Waiting as a child should: beating, and with an ear for the supervisor."""

import pytest
import trio

from supervision import Mailbox
from supervision.testing import lone_context


class Pulse:
    """A clock watcher: keeps how old the last beat ever got, looked at ten times a second."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.oldest = 0

    async def __call__(self):
        while True:
            await trio.sleep(0.1)
            self.oldest = max(self.oldest, trio.current_time() - self.ctx.beat_at)


@pytest.fixture
async def ctx():
    with lone_context(heartbeat_timeout=4) as lone:
        yield lone


@pytest.fixture
async def pulse(ctx, nursery):
    watcher = Pulse(ctx)
    nursery.start_soon(watcher)
    return watcher


async def at(delay, call, *args):
    await trio.sleep(delay)
    call(*args)


async def test_every_wait_beats_twice_in_a_timeout(autojump_clock, ctx, pulse, nursery):
    """Asleep, paused, or out of messages, a child is never silent for more than half its time."""
    await ctx.sleep(50)
    nursery.start_soon(at, 50, ctx.set_paused, False)
    ctx.set_paused(True)
    await ctx.wait_resumed()
    nursery.start_soon(at, 50, ctx.ask_to_stop)
    assert await ctx.receive(Mailbox("work", 1)) is None
    assert trio.current_time() == 150
    assert 1.5 < pulse.oldest < 2.1


async def test_child_without_a_timeout_just_waits(autojump_clock):
    """Nobody listens for its beats, so nothing wakes it."""
    with lone_context() as ctx:
        await ctx.sleep(1_000)
        assert ctx.beat_at == 0


async def test_message_is_a_beat(autojump_clock, ctx):
    """Who takes a message has shown that it is alive then, whenever it began to wait."""
    box = Mailbox("work", 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(at, 1, box.ref.tell_nowait, "late")
        await ctx.receive(box)
    assert ctx.beat_at == 1


async def test_sleep_is_as_long_as_asked(autojump_clock, ctx):
    """It takes its whole time, and says so."""
    assert await ctx.sleep(33.3)
    assert trio.current_time() == pytest.approx(33.3)


async def test_sleep_ends_with_the_request_to_stop(autojump_clock, ctx, nursery):
    """A child that sleeps is woken to stop, and can tell."""
    nursery.start_soon(at, 5, ctx.ask_to_stop)
    assert not await ctx.sleep(100)
    assert trio.current_time() == 5


async def test_sleep_goes_on_over_a_pause(autojump_clock, ctx, nursery):
    """A pause is no reason to wake up: nothing is taken in one's sleep."""
    nursery.start_soon(at, 1, ctx.set_paused, True)
    assert await ctx.sleep(3)
    assert trio.current_time() == 3


@pytest.mark.parametrize("wait", ["sleep", "wait_resumed", "receive"])
async def test_nothing_waits_once_asked_to_stop(autojump_clock, ctx, wait):
    """After the request every wait is over at once, and still a checkpoint."""
    args = {"sleep": (10,), "wait_resumed": (), "receive": (Mailbox("work", 1),)}
    ctx.set_paused(True)
    ctx.ask_to_stop()
    with trio.testing.assert_checkpoints():
        assert not await getattr(ctx, wait)(*args[wait])
    assert trio.current_time() == 0


async def test_child_that_is_not_paused_need_not_wait(autojump_clock, ctx):
    """Waiting for the end of no pause is only a checkpoint."""
    with trio.testing.assert_checkpoints():
        await ctx.wait_resumed()
    assert trio.current_time() == 0


async def test_pause_reaches_a_child_that_waits(autojump_clock, ctx, nursery):
    """A message that comes after the pause is not taken by who had begun to wait before it."""
    box, got = Mailbox("work", 2), {}

    async def consume():
        async for message in ctx.messages(box):
            got[message] = trio.current_time()

    nursery.start_soon(consume)
    await trio.sleep(1)
    ctx.set_paused(True)
    await box.ref.tell("held")
    await trio.sleep(10)
    ctx.set_paused(False)
    await trio.sleep(1)
    ctx.ask_to_stop()
    assert got == {"held": 11}


async def test_stop_leaves_messages_in_the_box(autojump_clock, ctx):
    """The loop ends with the request, not with the last message."""
    box = Mailbox("work", 3)
    for number in range(3):
        await box.ref.tell(number)
    got = []
    async for message in ctx.messages(box):
        got.append(message)
        ctx.ask_to_stop()
    assert (got, box.statistics().waiting) == ([0], 2)


async def test_loop_can_be_left_and_entered_again(autojump_clock, ctx):
    """Each loop over a mailbox goes on where the last one stopped."""
    box = Mailbox("work", 3)
    for number in range(3):
        await box.ref.tell(number)
    firsts = []
    for _ in range(3):
        async for message in ctx.messages(box):
            firsts.append(message)
            break
    assert firsts == [0, 1, 2]


async def test_fenced_child_gets_nothing_more(autojump_clock, ctx, nursery):
    """Once given up, it takes no message, neither where it waits nor from any other mailbox."""
    box, other = Mailbox("work", 1), Mailbox("other", 1)
    got = []

    async def receive():
        got.append(await ctx.receive(box))

    nursery.start_soon(receive)
    await trio.testing.wait_all_tasks_blocked()
    ctx.fence()
    await box.ref.tell("for the successor")
    await other.ref.tell("for the successor")
    assert await ctx.receive(other) is None
    await trio.testing.wait_all_tasks_blocked()
    assert (got, ctx.is_fenced) == ([None], True)
    assert (box.statistics().waiting, other.statistics().waiting) == (1, 1)


async def test_two_receivers_share_the_work(autojump_clock):
    """Each message reaches one of them, and the pause of one leaves the work to the other."""
    box = Mailbox("work", 4)
    with lone_context("test/one") as one, lone_context("test/two") as two:
        await box.ref.tell("first")
        await box.ref.tell("second")
        assert [await one.receive(box), await two.receive(box)] == ["first", "second"]
        one.set_paused(True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.receive, box)
            await trio.testing.wait_all_tasks_blocked()
            await box.ref.tell("third")
            assert await two.receive(box) == "third"
            one.ask_to_stop()


async def test_wait_of_a_child_that_was_asked_to_stop_ends_at_once(autojump_clock, ctx):
    """Whoever looks too late is not left waiting for news that have come already."""
    ctx.ask_to_stop()
    with ctx.until_news():
        await trio.sleep_forever()

    assert trio.current_time() == 0
