"""What a mailbox does with messages: its policies, its counts, its end."""

import gc
import weakref

import pytest
import trio

from supervision import Mailbox, MailboxClosed, MailboxFull, Overflow, SpecError
from supervision.testing import lone_context


def full_box(overflow, capacity=2):
    box = Mailbox("work", capacity, overflow)
    for number in range(capacity):
        box.ref.tell_nowait(number)
    return box


async def drain(box):
    """Return what is in the box, as a receiver gets it."""
    with lone_context() as ctx:
        return [await ctx.receive(box) for _ in range(box.statistics().waiting)]


@pytest.mark.parametrize(
    ("field", "capacity", "overflow"),
    [("capacity", 0, Overflow.BLOCK), ("capacity", -1, Overflow.BLOCK), ("overflow", 1, "block")],
)
def test_mailbox_that_cannot_work_is_refused(field, capacity, overflow):
    """A mailbox has room for a message, and a policy."""
    with pytest.raises(SpecError) as refusal:
        Mailbox("work", capacity, overflow)
    assert refusal.value.field == field


async def test_sender_waits_for_room_under_block(autojump_clock):
    """A full mailbox holds its sender back until a message is taken, and keeps the order."""
    box = full_box(Overflow.BLOCK)
    with lone_context() as ctx:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(box.ref.tell, 2)
            await trio.testing.wait_all_tasks_blocked()
            assert (box.statistics().waiting, box.statistics().waiting_senders) == (2, 1)
            assert await ctx.receive(box) == 0
        assert [await ctx.receive(box), await ctx.receive(box)] == [1, 2]


async def test_sender_that_gives_up_leaves_no_message(autojump_clock):
    """A tell that is cancelled while it waits for room was never sent."""
    box = full_box(Overflow.BLOCK)
    with trio.move_on_after(1):
        await box.ref.tell("never")

    assert await drain(box) == [0, 1]
    box.ref.tell_nowait("next")
    assert (box.statistics().received, box.statistics().oldest_age) == (3, 0)


@pytest.mark.parametrize("overflow", [Overflow.BLOCK, Overflow.REJECT])
async def test_tell_nowait_refuses_what_would_wait(overflow):
    """Where nothing may be dropped, a sender that won't wait is told that there is no room."""
    box = full_box(overflow)
    with pytest.raises(MailboxFull, match="mailbox work: full with 2 messages") as refusal:
        box.ref.tell_nowait("too much")
    assert (refusal.value.mailbox, refusal.value.capacity) == ("work", 2)
    assert box.statistics().rejected == 1


async def test_reject_never_waits():
    """Under `reject` a tell is refused at once, too."""
    box = full_box(Overflow.REJECT)
    with pytest.raises(MailboxFull):
        await box.ref.tell("too much")
    assert await drain(box) == [0, 1]


async def test_drop_oldest_keeps_the_latest():
    """The message that has waited longest makes room for the new one."""
    box = full_box(Overflow.DROP_OLDEST)
    await box.ref.tell(2)
    assert await drain(box) == [1, 2]
    assert (box.statistics().dropped, box.statistics().received) == (1, 3)


async def test_drop_newest_keeps_the_first():
    """A full mailbox lets what comes pass by."""
    box = full_box(Overflow.DROP_NEWEST)
    await box.ref.tell(2)
    assert await drain(box) == [0, 1]
    assert (box.statistics().dropped, box.statistics().received) == (1, 3)


@pytest.mark.parametrize("overflow", Overflow)
async def test_tell_is_a_checkpoint_under_every_policy(overflow):
    """A sender in a loop lets others run, and can be cancelled."""
    box = Mailbox("work", 2, overflow)
    with trio.testing.assert_checkpoints():
        await box.ref.tell("first")
    with trio.CancelScope() as scope:
        scope.cancel()
        await box.ref.tell("second")
    assert await drain(box) == ["first"]


async def test_statistics_tell_what_became_of_every_message(autojump_clock):
    """Received is what was delivered, dropped, and waits; the age is that of the oldest."""
    box = Mailbox("work", 2, Overflow.DROP_OLDEST)
    assert box.statistics().oldest_age == 0
    for number in range(4):
        await box.ref.tell(number)
        await trio.sleep(1)
    with lone_context() as ctx:
        assert await ctx.receive(box) == 2

    found = box.ref.statistics()
    assert (found.capacity, found.received, found.delivered, found.dropped) == (2, 4, 1, 2)
    assert (found.waiting, found.oldest_age, found.rejected, found.unanswered) == (1, 1, 0, 0)


async def test_close_tells_everybody_who_waits(autojump_clock):
    """Blocked senders and idle receivers get `MailboxClosed`; what is inside counts as dropped."""
    box, empty = full_box(Overflow.BLOCK), Mailbox("empty", 1)
    told = []

    async def expect_closed(call, *args):
        with pytest.raises(MailboxClosed):
            await call(*args)
        told.append(trio.current_time())

    with lone_context() as ctx:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expect_closed, box.ref.tell, "blocked")
            nursery.start_soon(expect_closed, ctx.receive, empty)
            await trio.testing.wait_all_tasks_blocked()
            box.close()
            empty.close()

    assert told == [0, 0]
    assert (box.statistics().dropped, box.statistics().waiting) == (2, 0)


@pytest.mark.parametrize("overflow", Overflow)
async def test_closed_mailbox_takes_and_gives_nothing(overflow):
    """After the end every use of it is refused, and closing it again changes nothing."""
    box = full_box(overflow)
    box.close()
    box.close()
    with pytest.raises(MailboxClosed):
        await box.ref.tell("late")
    with pytest.raises(MailboxClosed):
        box.ref.tell_nowait("late")
    with lone_context() as ctx, pytest.raises(MailboxClosed):
        await ctx.receive(box)


async def test_mailbox_and_ref_say_who_they_are():
    """Logs and dumps name the mailbox, how full it is, and its policy."""
    box = full_box(Overflow.REJECT)
    assert repr(box) == "<Mailbox work 2/2 reject>"
    assert box.ref.name == "work"


async def test_delivered_message_is_not_kept():
    """The mailbox holds on to nothing that a receiver has taken."""

    class Picture:
        pass

    box = Mailbox("work", 1)
    await box.ref.tell(Picture())
    with lone_context() as ctx:
        seen = weakref.ref(await ctx.receive(box))
    gc.collect()
    assert seen() is None
