"""The queue inside a mailbox: a bounded memory channel, its overflow policy, and its counts.

The order of arrival is kept. Nothing is lost that is not counted, except what a receiver had taken
when it ended: a memory mailbox delivers at most once. A receiving end of its own stays open, so no
receiver that goes away breaks a sender.
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar, assert_never

import trio

from supervision._ask import Pending
from supervision._errors import MailboxClosed, MailboxFull, NoAnswer, NoAnswerReason
from supervision._outcome import Seconds

T = TypeVar("T")


class Overflow(StrEnum):
    """What becomes of a message that finds the mailbox full."""

    BLOCK = "block"
    """Its sender waits for room."""
    REJECT = "reject"
    """Its sender gets `MailboxFull`."""
    DROP_OLDEST = "drop_oldest"
    """It takes the place of the one that has waited longest."""
    DROP_NEWEST = "drop_newest"
    """It is dropped itself."""


@dataclass(frozen=True, slots=True)
class MailboxStatistics:
    """How a mailbox stands, and what has come of everything sent to it.

    While nobody is in the middle of a send or a receive, *received* is *delivered* and *dropped*
    and *waiting* together.
    """

    capacity: int
    waiting: int
    """Messages in the box."""
    waiting_senders: int
    """Senders that wait for room; their messages are not in the box yet."""
    received: int
    """Messages accepted from senders; those that were dropped afterwards, too."""
    delivered: int
    """Messages taken by a receiver."""
    dropped: int
    """Messages lost to a drop policy, or still in the box when it was closed."""
    rejected: int
    """Messages refused with `MailboxFull`, which their senders know of."""
    unanswered: int
    """Accepted questions whose asker left without an answer, for whatever reason."""
    oldest_age: Seconds
    """How long ago the oldest message in the box was sent; 0 when there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Letter(Generic[T]):
    """A message on its way."""

    message: T
    sent_at: Seconds
    pending: Pending[Any] | None = None


class Box(Generic[T]):
    """What the owner, the senders and the receivers of one mailbox share.

    Invariant: *_letters* holds, in order, what is in the channel, then what waits to get in.
    """

    def __init__(self, name: str, capacity: int, overflow: Overflow) -> None:
        self.name = name
        self._overflow = overflow
        self._capacity = capacity
        self._inlet, self._outlet = trio.open_memory_channel[Letter[T]](capacity)
        self._letters: OrderedDict[Letter[T], None] = OrderedDict()
        self._received = self._delivered = self._dropped = self._rejected = 0
        self.unanswered = 0

    async def put(self, message: T, pending: Pending[Any] | None = None) -> None:
        """Put *message* in as the policy says; waits for room under `block` alone."""
        if self._overflow is Overflow.BLOCK:
            await self._put_or_wait(Letter(message, trio.current_time(), pending))
        else:
            await trio.lowlevel.checkpoint_if_cancelled()
            self.put_nowait(message, pending)
            await trio.lowlevel.cancel_shielded_checkpoint()

    def put_nowait(self, message: T, pending: Pending[Any] | None = None) -> None:
        """Put *message* in as the policy says; where it would wait, refuse."""
        letter = Letter(message, trio.current_time(), pending)
        try:
            self._inlet.send_nowait(letter)
        except trio.WouldBlock:
            self._overflow_with(letter)
        except trio.ClosedResourceError as error:
            raise MailboxClosed(self.name) from error
        else:
            self._letters[letter] = None
        self._received += 1

    def open_outlet(self) -> trio.MemoryReceiveChannel[Letter[T]]:
        """Return a receiving end to be closed by who uses it; tell of what it yields to `taken`."""
        return self._outlet.clone()

    def taken(self, letter: Letter[T]) -> None:
        """Note that a receiver has *letter* now."""
        del self._letters[letter]
        self._delivered += 1

    def close(self) -> None:
        """Let nothing in any more, and drop what is in."""
        self._inlet.close()  # first of all, so that no sender moves up while the box is emptied
        for _ in range(self._inlet.statistics().current_buffer_used):
            letter = self._outlet.receive_nowait()
            del self._letters[letter]
            self._drop(letter, MailboxClosed(self.name))

    def statistics(self) -> MailboxStatistics:
        """Return how it stands; costs the same however much is in it."""
        channel = self._inlet.statistics()
        waiting = channel.current_buffer_used
        return MailboxStatistics(
            capacity=self._capacity,
            waiting=waiting,
            waiting_senders=channel.tasks_waiting_send,
            received=self._received,
            delivered=self._delivered,
            dropped=self._dropped,
            rejected=self._rejected,
            unanswered=self.unanswered,
            oldest_age=trio.current_time() - next(iter(self._letters)).sent_at if waiting else 0.0,
        )

    async def _put_or_wait(self, letter: Letter[T]) -> None:
        self._letters[letter] = None
        try:
            await self._inlet.send(letter)
        except BaseException as error:
            del self._letters[letter]
            if isinstance(error, trio.ClosedResourceError):
                raise MailboxClosed(self.name) from error
            raise
        self._received += 1

    def _overflow_with(self, letter: Letter[T]) -> None:
        match self._overflow:
            case Overflow.BLOCK | Overflow.REJECT:
                self._rejected += 1
                raise MailboxFull(self.name, self._capacity) from None
            case Overflow.DROP_OLDEST:
                oldest = self._outlet.receive_nowait()
                del self._letters[oldest]
                self._drop(oldest, NoAnswer(self.name, NoAnswerReason.DROPPED))
                self._inlet.send_nowait(letter)
                self._letters[letter] = None
            case Overflow.DROP_NEWEST:
                self._drop(letter, NoAnswer(self.name, NoAnswerReason.DROPPED))
            case _:
                assert_never(self._overflow)

    def _drop(self, letter: Letter[T], error: Exception) -> None:
        self._dropped += 1
        if letter.pending is not None:
            letter.pending.withdraw(error)
