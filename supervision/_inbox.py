"""The receiving end of a mailbox, as one incarnation has it.

Guarantees that nothing is taken once the incarnation is asked to stop, is paused, or is over, and
that whoever waits for an answer from it learns of its end. What was taken before that is not put
back.
"""

from collections.abc import AsyncIterator
from typing import Generic, TypeVar

import trio

from supervision._ask import Debts
from supervision._attention import Attention
from supervision._box import Box, Letter
from supervision._errors import MailboxClosed, NoAnswer, NoAnswerReason

T = TypeVar("T")


class Inbox(AsyncIterator[T], Generic[T]):
    """Yields messages, beating, until the incarnation is asked to stop.

    An object and no generator, so that a loop may be left and entered again at any time.
    """

    def __init__(self, box: Box[T], attention: Attention) -> None:
        self._box = box
        self._attention = attention
        self._outlet = box.open_outlet()
        self._debts: Debts = set()
        self._is_closed = False

    async def __anext__(self) -> T:
        letter = await self.take()
        if letter is None:
            raise StopAsyncIteration
        return letter.message

    async def take(self) -> Letter[T] | None:
        """Wait for a letter; return None as soon as the incarnation is asked to stop.

        Cancellation: a letter is returned, or nothing was taken.

        Raises:
            MailboxClosed: there is nothing to receive any more.
        """
        letter = None
        while letter is None:
            await self._attention.wait_resumed()  # gives way to others, paused or not
            if self._attention.stopping.is_set():
                return None
            try:
                letter = await self._receive()
            except trio.EndOfChannel as error:
                raise MailboxClosed(self._box.name) from error
        self._attention.beat()
        self._note(letter)
        return letter

    def close(self) -> None:
        """Take nothing more, and tell those whose questions were taken and not answered."""
        self._is_closed = True
        self._outlet.close()
        for pending in tuple(self._debts):
            pending.withdraw(self._no_answer())

    async def _receive(self) -> Letter[T] | None:
        """Return the next letter; None when a beat is due, or there is news."""
        letter = None
        try:
            letter = self._outlet.receive_nowait()
        except trio.WouldBlock:  # only now is the guard of a wait worth its price
            with self._attention.until_news():
                letter = await self._outlet.receive()
        return letter

    def _note(self, letter: Letter[T]) -> None:
        self._box.taken(letter)
        if letter.pending is None:
            return
        if self._is_closed:  # it was handed over in the same turn of the loop
            letter.pending.withdraw(self._no_answer())
        else:
            letter.pending.owe(self._debts)

    def _no_answer(self) -> NoAnswer:
        return NoAnswer(self._box.name, NoAnswerReason.RECEIVER_ENDED)
