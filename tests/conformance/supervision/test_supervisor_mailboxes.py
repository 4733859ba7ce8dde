"""Mailboxes of supervised children: what restarts, stops, pauses and fences do to them (64)."""

import pytest
import trio

from supervision import (
    ChildAbandoned,
    ChildExited,
    ChildStalled,
    Mailbox,
    NoAnswer,
    NoAnswerReason,
    Restart,
)
from supervision.testing import ChildError, running


class Consumer:
    """Keeps (incarnation, message) of all it gets; crashes at the messages in *poison*."""

    def __init__(self, mailbox, *poison):
        self.mailbox = mailbox
        self.poison = poison
        self.got = []

    async def __call__(self, ctx):
        ctx.ready()
        async for message in ctx.messages(self.mailbox):
            self.got.append((ctx.incarnation, message))
            if message in self.poison:
                raise ChildError(message)


class Echo:
    """Answers (word, answer) with (word, incarnation); crashes at the word "die"."""

    def __init__(self, mailbox):
        self.mailbox = mailbox

    async def __call__(self, ctx):
        ctx.ready()
        async for word, answer in ctx.messages(self.mailbox):
            if word == "die":
                raise ChildError(word)
            answer.send((word, ctx.incarnation))


def question(word):
    return lambda answer: (word, answer)


async def test_senders_survive_a_consumer_restart(autojump_clock, build, quick):
    """What is in the box when its consumer crashes reaches the next incarnation, in order."""
    box = Mailbox("work", 8)
    consumer = Consumer(box, 2)
    async with running(build(quick("a", consumer))):
        for number in range(1, 5):
            await box.ref.tell(number)
        await trio.sleep(1)
        await box.ref.tell(5)
        await trio.sleep(1)

    assert consumer.got == [(1, 1), (1, 2), (2, 3), (2, 4), (2, 5)]


async def test_blocked_sender_outlasts_the_restart_of_its_consumer(autojump_clock, build, quick):
    """A sender that waits for room waits through the crash, and gets in afterwards."""
    box = Mailbox("work", 1)
    consumer = Consumer(box, 1)
    async with running(build(quick("a", consumer))):
        for number in range(1, 5):
            await box.ref.tell(number)
        await trio.sleep(1)

    assert consumer.got == [(1, 1), (2, 2), (2, 3), (2, 4)]
    assert box.statistics().delivered == 4


async def test_messages_wait_in_the_box_while_nobody_runs(autojump_clock, build, quick):
    """A child that is stopped leaves the rest to its successor, however long that takes."""
    box = Mailbox("work", 8)
    consumer = Consumer(box)
    async with running(build(quick("a", consumer, drain=5))) as root:
        await root.terminate_child("a")
        await box.ref.tell("later")
        await trio.sleep(60)
        assert box.statistics().oldest_age == 60
        await root.restart_child("a")
        await trio.sleep(1)

    assert consumer.got == [(2, "later")]


async def test_idle_consumer_stops_as_soon_as_it_is_asked(autojump_clock, build, quick, recorder):
    """The receive loop ends by itself, so that the drain is over at once and nothing cancelled."""
    async with running(build(quick("a", Consumer(Mailbox("work", 1)), drain=30))):
        await trio.sleep(7)

    assert [each.at for each in recorder.of(ChildExited)] == [7]


async def test_idle_consumer_beats(autojump_clock, build, quick, recorder):
    """A child that waits for messages is alive, for however long there are none."""
    consumer = Consumer(Mailbox("work", 1))
    async with running(build(quick("a", consumer, heartbeat_timeout=2))):
        await trio.sleep(1_000)

    assert recorder.of(ChildStalled) == []


async def test_consumer_that_hangs_over_a_message_stalls(autojump_clock, build, quick, recorder):
    """The loop beats for itself and not for who works inside it."""
    box = Mailbox("work", 1)

    async def child(ctx):
        ctx.ready()
        async for _ in ctx.messages(box):
            await trio.sleep_forever()

    async with running(build(quick("a", child, heartbeat_timeout=2))):
        await trio.sleep(10.5)
        await box.ref.tell("hang")
        await trio.sleep(10)

    assert [(each.at, each.silent_for) for each in recorder.of(ChildStalled)] == [(12.5, 2)]


async def test_sleeping_child_beats(autojump_clock, build, quick, recorder):
    """A long sleep in the context is no stall."""

    async def child(ctx):
        ctx.ready()
        await ctx.sleep(1_000)

    async with running(build(quick("a", child, heartbeat_timeout=2))):
        await trio.sleep(900)

    assert recorder.of(ChildStalled) == []


async def test_paused_consumer_beats_and_takes_nothing(autojump_clock, build, quick, recorder):
    """From the pause to the resume messages stay in the box, and the child stays alive."""
    box = Mailbox("work", 8)
    consumer = Consumer(box)
    async with running(build(quick("a", consumer, heartbeat_timeout=2))) as root:
        await trio.sleep(1)
        await root.pause_child("a")
        await box.ref.tell("held")
        await trio.sleep(100)
        assert (consumer.got, box.statistics().waiting) == ([], 1)
        await root.resume_child("a")
        await trio.lowlevel.checkpoint()

    assert (consumer.got, recorder.of(ChildStalled)) == ([(1, "held")], [])


async def test_pause_holds_over_a_restart(autojump_clock, build, quick):
    """The successor of a child that died while paused takes nothing before it is resumed."""
    box = Mailbox("work", 8)
    consumer = Consumer(box)
    async with running(build(quick("a", consumer))) as root:
        await root.pause_child("a")
        await root.terminate_child("a")
        await box.ref.tell("held")
        await root.restart_child("a")
        await trio.sleep(10)
        assert consumer.got == []
        await root.resume_child("a")
        await trio.sleep(1)

    assert consumer.got == [(2, "held")]


async def test_paused_consumer_can_be_stopped(autojump_clock, build, quick, recorder):
    """Stopping comes before pausing."""
    async with running(build(quick("a", Consumer(Mailbox("work", 1)), drain=30))) as root:
        await root.pause_child("a")
        await trio.sleep(3)

    assert [each.at for each in recorder.of(ChildExited)] == [3]


async def test_zombie_takes_no_more_messages(autojump_clock, build, quick, recorder):
    """An abandoned incarnation that asks for messages gets none; they are its successor's."""
    box, other = Mailbox("work", 8), Mailbox("other", 8)
    got, ended_at = {}, []

    async def child(ctx):
        ctx.ready()
        with trio.CancelScope(shield=ctx.incarnation == 1):
            await trio.sleep(20)
            for each in (box, other):
                async for message in ctx.messages(each):
                    got[message] = ctx.incarnation
            ended_at.append((ctx.incarnation, trio.current_time()))

    async with running(build(quick("a", child, grace=1))) as root:
        await root.terminate_child("a")
        await root.restart_child("a")
        await box.ref.tell("mine")
        await other.ref.tell("mine, too")
        await trio.sleep(30)

    assert len(recorder.of(ChildAbandoned)) == 1
    assert (got, ended_at) == ({"mine": 2}, [(1, 20)])
    assert other.statistics().waiting == 1


async def test_answer_comes_from_the_consumer(autojump_clock, build, quick):
    """A question gets its answer, and the next one, too."""
    box = Mailbox("questions", 8)
    async with running(build(quick("a", Echo(box)))):
        assert await box.ref.ask(question("one"), within=1) == ("one", 1)
        assert await box.ref.ask(question("two"), within=1) == ("two", 1)


async def test_asker_is_told_when_the_receiver_dies(autojump_clock, build, quick):
    """The crash that loses a question ends its asker's wait at once, and the next is answered."""
    box = Mailbox("questions", 8)
    async with running(build(quick("a", Echo(box)))):
        with pytest.raises(NoAnswer) as lost:
            await box.ref.ask(question("die"), within=30)
        assert (lost.value.reason, trio.current_time()) == (NoAnswerReason.RECEIVER_ENDED, 0)
        assert await box.ref.ask(question("again"), within=30) == ("again", 2)
    assert box.statistics().unanswered == 1


async def test_question_in_the_box_survives_the_crash_before_it(autojump_clock, build, quick):
    """Whoever asked behind a deadly question is answered by the next incarnation."""
    box = Mailbox("questions", 8)
    async with running(build(quick("a", Echo(box)))):
        box.ref.tell_nowait(("die", None))
        assert await box.ref.ask(question("patient"), within=30) == ("patient", 2)
        assert trio.current_time() == 0.1


async def test_asker_is_told_when_the_receiver_is_abandoned(autojump_clock, build, quick):
    """A zombie's answers are not waited for, and come too late."""
    box = Mailbox("questions", 8)
    late = []

    async def child(ctx):
        ctx.ready()
        with trio.CancelScope(shield=True):
            _, answer = await ctx.receive(box)
            await trio.sleep(20)
            late.append((ctx.is_fenced, answer.is_wanted))
            answer.send("too late")

    async with running(build(quick("a", child, grace=1))) as root, trio.open_nursery() as nursery:
        nursery.start_soon(root.terminate_child, "a")
        with pytest.raises(NoAnswer):
            await box.ref.ask(question("?"), within=10)
        assert trio.current_time() == 1

    assert late == [(True, False)]


async def test_closed_mailbox_is_a_crash_of_who_still_receives(
    autojump_clock, build, quick, recorder
):
    """Closing it under a running child is seen for what it is, a tree taken down in wrong order."""
    box = Mailbox("work", 1)
    async with running(build(quick("a", Consumer(box), restart=Restart.TEMPORARY))):
        box.close()
        await trio.sleep(1)

    assert recorder.of(ChildExited)[0].outcome.failure.kind == "MailboxClosed"
