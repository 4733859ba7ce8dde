"""Questions: the answer that travels with a message, and the asker that waits for it.

Guarantees that an asker is told as soon as it is known that no answer will come. Does not know how
the message travels: the mailbox withdraws the answers of messages that it drops, the inbox those
that its incarnation leaves behind.
"""

from typing import Any, Generic, TypeAlias, TypeVar

import trio

from supervision._errors import AlreadyAnswered

R = TypeVar("R")


class Pending(Generic[R]):
    """One question on the asker's side."""

    __slots__ = ("_arrived", "_debts", "_error", "_value", "is_answered", "is_wanted")

    _value: R

    def __init__(self) -> None:
        self.is_wanted = True
        self.is_answered = False
        self._arrived = trio.Event()
        self._error: Exception | None = None
        self._debts: Debts | None = None

    @property
    def is_settled(self) -> bool:
        """Tell whether there is an answer, or the certainty that none will come."""
        return self._arrived.is_set()

    def owe(self, debts: "Debts") -> None:
        """Note it among the *debts* of who has taken the message, until it is settled or left."""
        if self.is_wanted:
            self._debts = debts
            debts.add(self)

    def answer(self, value: R) -> None:
        """Wake the asker with *value*; too late does nothing."""
        if self.is_wanted:
            self.is_answered = True
            self._value = value
            self._wake()

    def fail(self, error: Exception) -> None:
        """Wake the asker with the *error* that is its answer; too late does nothing."""
        if self.is_wanted:
            self.is_answered = True
            self.withdraw(error)

    def withdraw(self, error: Exception) -> None:
        """Wake the asker with the *error* that says why there is no answer; too late: nothing."""
        if self.is_wanted:
            self._error = error
            self._wake()

    def leave(self) -> None:
        """Stop wanting an answer."""
        self.is_wanted = False
        if self._debts is not None:
            self._debts.discard(self)
            self._debts = None

    async def wait(self) -> None:
        """Wait until it is settled."""
        await self._arrived.wait()

    def take(self) -> R:
        """Return the answer, or raise the error that came in its place."""
        if self._error is None:
            return self._value
        error, self._error = self._error, None
        try:
            raise error
        finally:
            del error  # its traceback holds this frame

    def _wake(self) -> None:
        self._arrived.set()
        self.leave()


Debts: TypeAlias = set[Pending[Any]]
"""The questions that one incarnation has taken and not answered yet."""


class Answer(Generic[R]):
    """What a receiver gives its answer to, once.

    Giving one to an asker that has left, or was told that none will come, does nothing: who
    receives can't know. `is_wanted` tells beforehand whether it is still worth the work.
    """

    __slots__ = ("_is_given", "_pending")

    def __init__(self, pending: Pending[R]) -> None:
        self._pending = pending
        self._is_given = False

    @property
    def is_wanted(self) -> bool:
        """Tell whether the asker still waits."""
        return self._pending.is_wanted

    def send(self, value: R) -> None:
        """Answer with *value*.

        Raises:
            AlreadyAnswered: it was answered before, which is the receiver's mistake.
        """
        self._give()
        self._pending.answer(value)

    def fail(self, error: Exception) -> None:
        """Answer with *error*, which the asker's `ask` raises.

        Raises:
            AlreadyAnswered: it was answered before, which is the receiver's mistake.
        """
        self._give()
        self._pending.fail(error)

    def _give(self) -> None:
        if self._is_given:
            raise AlreadyAnswered("this question has been answered before")
        self._is_given = True
