"""Mailboxes: typed, bounded queues of messages to one child, or to several that share the work.

A mailbox belongs to whoever builds the tree, and outlives every incarnation of its receivers: what
is in it when a child crashes reaches the next one, and senders never notice. The one message that
the child had taken is gone: memory delivers at most once, what must survive belongs into a durable
queue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import trio

from supervision._ask import Answer, Pending
from supervision._attention import Attention
from supervision._box import Box, MailboxStatistics, Overflow
from supervision._errors import AskTimedOut, SpecError
from supervision._inbox import Inbox
from supervision._outcome import Seconds

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Ref(Generic[T_contra]):
    """The sending end of a mailbox; stays valid over every restart of who receives."""

    _box: Box[T_contra]

    @property
    def name(self) -> str:
        """The mailbox's name."""
        return self._box.name

    async def tell(self, message: T_contra) -> None:
        """Send *message*; the mailbox's overflow policy decides when it is full.

        Cancellation: the message is either sent, or not sent and the cancel raised.

        Raises:
            MailboxFull: there is no room, and the policy is `reject`.
            MailboxClosed: nobody will receive it.
        """
        await self._box.put(message)

    def tell_nowait(self, message: T_contra) -> None:
        """Send *message* without waiting.

        Raises:
            MailboxFull: there is no room, and the policy is `block` or `reject`.
            MailboxClosed: nobody will receive it.
        """
        self._box.put_nowait(message)

    async def ask(self, make: Callable[[Answer[R]], T_contra], within: Seconds) -> R:
        """Send the message that *make* builds around an answer, and wait for the answer.

        The time counts from the call, so a wait for room is part of it. A message whose asker has
        left stays in the mailbox; `Answer.is_wanted` tells its receiver.

        Raises:
            AskTimedOut: there was no answer within *within* seconds.
            NoAnswer: none will come: the message was dropped, or its receiver ended.
            MailboxFull: there is no room, and the policy is `reject`.
            MailboxClosed: nobody will receive it.
            Exception: what the receiver gave to `Answer.fail`.
        """
        pending: Pending[R] = Pending()
        message = make(Answer(pending))
        is_accepted = False
        try:
            with trio.move_on_after(within):
                await self._box.put(message, pending)
                is_accepted = True
                await pending.wait()
        finally:
            pending.leave()
            if is_accepted and not pending.is_answered:
                self._box.unanswered += 1
        if not pending.is_settled:
            raise AskTimedOut(self.name, within)
        return pending.take()

    def statistics(self) -> MailboxStatistics:
        """Return how the mailbox stands; costs the same however much is in it."""
        return self._box.statistics()


class Mailbox(Generic[T]):
    """A bounded queue of messages; keep it beside the supervisor, and give children what they need.

    Senders get its `ref`; receivers get the mailbox itself, for `Context.messages`.
    """

    def __init__(self, name: str, capacity: int, overflow: Overflow = Overflow.BLOCK) -> None:
        """Make an empty one.

        Args:
            name: What errors and statistics call it.
            capacity: How many messages it holds, 1 or more.
            overflow: What becomes of a message that finds it full.

        Raises:
            SpecError: it can't work like that.
        """
        owner = f"Mailbox {name!r}"
        if capacity < 1:
            raise SpecError(owner, "capacity", "must be 1 or more")
        if not isinstance(overflow, Overflow):
            raise SpecError(owner, "overflow", f"must be an Overflow: {', '.join(Overflow)}")
        self.name = name
        self.capacity = capacity
        self.overflow = overflow
        self._box: Box[T] = Box(name, capacity, overflow)
        self.ref: Ref[T] = Ref(self._box)

    def close(self) -> None:
        """End it, after the tree: waiting senders and askers get `MailboxClosed`.

        What is still in it is dropped, and counted as that. A receiver that is not yet asked to
        stop gets `MailboxClosed`, too; questions that it has taken it may still answer.
        """
        self._box.close()

    def open_inbox(self, attention: Attention) -> Inbox[T]:
        """Return a receiving end for one incarnation, which closes it; `Context` does that."""
        return Inbox(self._box, attention)

    def statistics(self) -> MailboxStatistics:
        """Return how it stands; costs the same however much is in it."""
        return self._box.statistics()

    def __repr__(self) -> str:
        waiting = self.statistics().waiting
        return f"<Mailbox {self.name} {waiting}/{self.capacity} {self.overflow.value}>"
