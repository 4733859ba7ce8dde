"""Questions: an asker gets its answer, or is told as soon as none will come."""

import pytest
import trio

from supervision import (
    AlreadyAnswered,
    AskTimedOut,
    Mailbox,
    MailboxClosed,
    MailboxFull,
    NoAnswer,
    NoAnswerReason,
    Overflow,
)
from supervision._ask import Pending
from supervision.testing import lone_context


class Asker:
    """Asks once, with the answer as the whole message, and keeps what came of it and when."""

    def __init__(self, box, within=10):
        self.box = box
        self.within = within
        self.came = None

    async def __call__(self):
        try:
            self.came = await self.box.ref.ask(lambda answer: answer, self.within)
        except Exception as error:  # noqa: BLE001 - that is what came
            self.came = error
        self.at = trio.current_time()


@pytest.fixture
def box():
    return Mailbox("questions", 1)


@pytest.fixture
async def ctx():
    with lone_context() as lone:
        yield lone


@pytest.fixture
async def asker(box, nursery):
    """An asker whose question is on its way."""
    one = Asker(box)
    nursery.start_soon(one)
    return one


async def settled():
    await trio.testing.wait_all_tasks_blocked()


async def test_answer_reaches_its_asker(autojump_clock, box, ctx, asker):
    """What the receiver sends is what `ask` returns."""
    answer = await ctx.receive(box)
    assert answer.is_wanted
    answer.send(42)
    await settled()
    assert (asker.came, answer.is_wanted, box.statistics().unanswered) == (42, False, 0)


async def test_failure_reaches_its_asker(autojump_clock, box, ctx, asker):
    """An error given as the answer is raised from `ask`, and counts as an answer."""
    error = LookupError("no such camera")
    (await ctx.receive(box)).fail(error)
    await settled()
    assert asker.came is error
    assert box.statistics().unanswered == 0


@pytest.mark.parametrize("second", ["send", "fail"])
async def test_answering_twice_is_the_receivers_error(autojump_clock, box, ctx, asker, second):
    """The second answer is refused, and the asker has the first."""
    answer = await ctx.receive(box)
    answer.send("first")
    with pytest.raises(AlreadyAnswered):
        getattr(answer, second)(LookupError())
    await settled()
    assert asker.came == "first"


async def test_asker_stops_waiting_in_time(autojump_clock, box, ctx, asker):
    """Without an answer within the time given, the asker is told so, and nobody else."""
    answer = await ctx.receive(box)
    await trio.sleep(10)
    await settled()
    assert isinstance(asker.came, AskTimedOut)
    assert (asker.at, asker.came.within, str(asker.came)) == (
        10, 10, "mailbox questions: no answer within 10 s",
    )  # fmt: skip
    answer.send("too late")
    assert (answer.is_wanted, box.statistics().unanswered) == (False, 1)


async def test_late_failure_is_harmless(autojump_clock, box, ctx, asker):
    """A receiver need not know whether its asker is still there."""
    await trio.sleep(11)
    answer = await ctx.receive(box)
    assert not answer.is_wanted
    answer.fail(LookupError())
    await settled()
    assert isinstance(asker.came, AskTimedOut)


async def test_wait_for_room_is_part_of_the_time(box, autojump_clock, nursery):
    """A question that finds no room in its time was never asked."""
    box.ref.tell_nowait("in the way")
    late = Asker(box, within=3)
    await late()
    assert (type(late.came), late.at) == (AskTimedOut, 3)
    assert (box.statistics().waiting_senders, box.statistics().unanswered) == (0, 0)


async def test_cancelled_asker_is_not_waited_for(autojump_clock, box, ctx):
    """An asker that is cancelled leaves its question, marked as unwanted."""
    with trio.move_on_after(1):
        await box.ref.ask(lambda answer: answer, within=10)
    assert not (await ctx.receive(box)).is_wanted
    assert box.statistics().unanswered == 1


async def test_question_is_refused_where_there_is_no_room(autojump_clock):
    """Under `reject` an asker learns of the full mailbox at once."""
    box = Mailbox("questions", 1, Overflow.REJECT)
    box.ref.tell_nowait("in the way")
    with pytest.raises(MailboxFull):
        await box.ref.ask(lambda answer: answer, within=10)


async def test_question_that_cannot_be_made_is_not_asked(box, autojump_clock):
    """An error in making the message is the asker's, and leaves no trace."""
    with pytest.raises(ZeroDivisionError):
        await box.ref.ask(lambda _: 1 / 0, within=10)
    assert box.statistics().received == 0


@pytest.mark.parametrize("overflow", [Overflow.DROP_OLDEST, Overflow.DROP_NEWEST])
async def test_dropped_question_ends_its_askers_wait(autojump_clock, nursery, overflow):
    """Whose question a lossy mailbox drops does not wait for the deadline."""
    box = Mailbox("questions", 1, overflow)
    first, second = Asker(box), Asker(box)
    for each in (first, second):
        nursery.start_soon(each)
        await settled()
    dropped, kept = (first, second) if overflow is Overflow.DROP_OLDEST else (second, first)

    assert isinstance(dropped.came, NoAnswer)
    assert (dropped.came.reason, dropped.at) == (NoAnswerReason.DROPPED, 0)
    assert kept.came is None
    assert (box.statistics().dropped, box.statistics().unanswered) == (1, 1)


async def test_dropped_question_of_an_asker_that_has_left_is_only_counted(autojump_clock):
    """There is nobody to be told, and one lost question is not counted as two unanswered."""
    box = Mailbox("questions", 1, Overflow.DROP_OLDEST)
    gone = Asker(box, within=1)
    await gone()
    box.ref.tell_nowait("instead")
    assert isinstance(gone.came, AskTimedOut)
    assert (box.statistics().dropped, box.statistics().unanswered) == (1, 1)


async def test_end_of_the_receiver_ends_its_askers_wait(autojump_clock, box, ctx, asker):
    """Who has taken a question and ends without an answer has it answered for him."""
    await ctx.receive(box)
    ctx.close()
    await settled()
    assert isinstance(asker.came, NoAnswer)
    assert asker.came.reason is NoAnswerReason.RECEIVER_ENDED
    assert str(asker.came) == "mailbox questions: no answer will come: receiver ended"


async def test_end_of_the_receiver_leaves_other_askers_alone(autojump_clock, box, ctx, asker):
    """A question still in the box waits for the next receiver."""
    await settled()
    ctx.close()
    with lone_context() as successor:
        (await successor.receive(box)).send("from the next")
        await settled()
        assert asker.came == "from the next"


async def test_question_handed_over_at_the_end_is_lost_and_told(autojump_clock, box, ctx, nursery):
    """Sent to a waiting receiver in the very turn in which that ends: nobody waits for nothing."""
    taken, pending = [], Pending()

    async def receive():
        taken.append(await ctx.receive(box))

    nursery.start_soon(receive)
    await settled()
    box._box.put_nowait("?", pending)  # as `ask` does, but without giving way
    ctx.close()
    await settled()
    assert taken == ["?"]
    with pytest.raises(NoAnswer):
        pending.take()


async def test_close_tells_whoever_asked_in_the_box(autojump_clock, box, ctx, asker):
    """A question that nobody has taken ends with its mailbox, at once."""
    await settled()
    box.close()
    await settled()
    assert isinstance(asker.came, MailboxClosed)
    assert box.statistics().unanswered == 1


async def test_close_tells_whoever_waits_for_room_to_ask(box, autojump_clock, nursery):
    """A question that did not get in ends, too."""
    box.ref.tell_nowait("in the way")
    asker = Asker(box)
    nursery.start_soon(asker)
    await settled()
    box.close()
    await settled()
    assert isinstance(asker.came, MailboxClosed)
    assert box.statistics().unanswered == 0


async def test_question_taken_before_the_close_may_be_answered(autojump_clock, box, ctx, asker):
    """Closing a mailbox does not end the work on what has left it."""
    answer = await ctx.receive(box)
    box.close()
    answer.send("in time")
    await settled()
    assert asker.came == "in time"


async def test_answered_questions_are_not_kept(autojump_clock, box, ctx, nursery):
    """A receiver that lives long remembers only what it still owes."""
    for _ in range(3):
        asker = Asker(box)
        nursery.start_soon(asker)
        (await ctx.receive(box)).send("done")
        await settled()
    nursery.start_soon(Asker(box, within=1))
    await ctx.receive(box)
    assert len(ctx._inbox(box)._debts) == 1
    await trio.sleep(2)
    assert len(ctx._inbox(box)._debts) == 0
