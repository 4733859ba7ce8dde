"""Mailboxes against a list: nothing is doubled, nothing lost that is not counted, order is kept."""

from contextlib import ExitStack

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from supervision import Mailbox, MailboxFull, Overflow
from supervision.testing import lone_context

STEPS = st.lists(
    st.sampled_from(["tell", "tell", "tell_nowait", "receive", "receive", "crash", "wait"]),
    max_size=40,
)


class Model:
    """What a mailbox of that capacity and policy should hold, and have counted."""

    def __init__(self, capacity, overflow):
        self.capacity = capacity
        self.overflow = overflow
        self.held = []
        self.received = self.delivered = self.dropped = self.rejected = 0

    def tell(self, message, now):
        """Return whether the message is accepted."""
        is_full = len(self.held) == self.capacity
        if is_full and self.overflow in (Overflow.BLOCK, Overflow.REJECT):
            self.rejected += 1
            return False
        self.received += 1
        self.dropped += is_full
        self.held.append((message, now))
        if is_full:
            self.held.pop(0 if self.overflow is Overflow.DROP_OLDEST else -1)
        return True

    def receive(self):
        self.delivered += 1
        return self.held.pop(0)[0]


class Bench:
    """One mailbox and its model, driven together, one step at a time."""

    def __init__(self, capacity, overflow):
        self.box = Mailbox("model", capacity, overflow)
        self.model = Model(capacity, overflow)
        self.sent = 0
        self.incarnations = ExitStack()
        self.ctx = self.incarnations.enter_context(lone_context())

    async def tell(self):
        """Send and wait, but where the mailbox would make the sender wait."""
        is_full = len(self.model.held) == self.model.capacity
        if self.model.overflow is Overflow.BLOCK and is_full:
            return
        await self._send(self.box.ref.tell)

    async def tell_nowait(self):
        async def send(message):
            self.box.ref.tell_nowait(message)

        await self._send(send)

    async def _send(self, send):
        self.sent += 1
        is_accepted = self.model.tell(self.sent, trio.current_time())
        try:
            await send(self.sent)
        except MailboxFull:
            assert not is_accepted
        else:
            assert is_accepted

    async def receive(self):
        if self.model.held:
            assert await self.ctx.receive(self.box) == self.model.receive()

    async def crash(self):
        """Take a message, and end without having done anything with it."""
        await self.receive()
        self.incarnations.close()
        self.ctx = self.incarnations.enter_context(lone_context())

    async def wait(self):
        await trio.sleep(1)

    def check(self):
        found, model = self.box.statistics(), self.model
        assert found.waiting == len(model.held) <= model.capacity
        assert found.received == found.delivered + found.dropped + found.waiting
        assert (found.received, found.delivered, found.dropped, found.rejected) == (
            model.received, model.delivered, model.dropped, model.rejected,
        )  # fmt: skip
        oldest = trio.current_time() - model.held[0][1] if model.held else 0
        assert found.oldest_age == oldest


@given(capacity=st.integers(1, 4), overflow=st.sampled_from(Overflow), steps=STEPS)
def test_mailbox_behaves_like_a_list_with_a_limit(capacity, overflow, steps):
    """Under every policy, over every crash: the same messages in the same order, all accounted."""

    async def play():
        bench = Bench(capacity, overflow)
        with bench.incarnations:
            for step in steps:
                await getattr(bench, step)()
                bench.check()

    trio.run(play, clock=MockClock(autojump_threshold=0))


class Sender:
    """Sends its messages one by one, each with so much patience; keeps those that got in."""

    def __init__(self, name, patience):
        self.name = name
        self.patience = patience
        self.accepted = []

    async def __call__(self, box):
        for number, patience in enumerate(self.patience):
            with trio.move_on_after(patience):
                await box.ref.tell((self.name, number))
                self.accepted.append((self.name, number))


class Receiver:
    """Works on messages for as long as it is told, and crashes over some of them."""

    def __init__(self, work):
        self.work = work
        self.taken = []

    async def __call__(self, box):
        while True:
            with lone_context() as ctx:
                await self._live(ctx, box)

    async def _live(self, ctx, box):
        async for message in ctx.messages(box):
            self.taken.append(message)
            seconds, is_crash = self.work[len(self.taken) % len(self.work)]
            await ctx.sleep(seconds)
            if is_crash:
                return


@settings(max_examples=50)
@given(
    capacity=st.integers(1, 3),
    patience=st.lists(st.lists(st.sampled_from([0.5, 2.5, 60.0]), max_size=6), max_size=3),
    work=st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.booleans()), min_size=1, max_size=5),
    receivers=st.integers(1, 2),
)
def test_blocking_senders_and_crashing_receivers_lose_nothing(capacity, patience, work, receivers):
    """Every message that a sender got rid of is taken once, in its order; no other one ever is."""
    senders = [Sender(name, each) for name, each in enumerate(patience)]
    crew = [Receiver(work) for _ in range(receivers)]
    box = Mailbox("model", capacity)

    async def play():
        async with trio.open_nursery() as receiving:
            for each in crew:
                receiving.start_soon(each, box)
            async with trio.open_nursery() as sending:
                for each in senders:
                    sending.start_soon(each, box)
            await trio.sleep(100)
            receiving.cancel_scope.cancel()

    trio.run(play, clock=MockClock(autojump_threshold=0))
    taken = [message for each in crew for message in each.taken]
    accepted = [message for each in senders for message in each.accepted]
    assert sorted(taken) == sorted(accepted)
    for each in crew:
        for sender in senders:
            ours = [message for message in each.taken if message[0] == sender.name]
            assert ours == sorted(ours)
    found = box.statistics()
    assert (found.received, found.delivered, found.waiting) == (len(taken), len(taken), 0)
