"""What a child is given: its identity, its supervisor's wishes, its mail, and two ways to speak."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar

from supervision._attention import Attention
from supervision._errors import AlreadyReady
from supervision._events import EventSink
from supervision._inbox import Inbox
from supervision._mailbox import Mailbox
from supervision._outcome import ChildId, Seconds

T = TypeVar("T")


class Services(Protocol):
    """What a root supervisor lends to the supervisors below it."""

    @property
    def sink(self) -> EventSink:
        """Where events go."""

    @property
    def forgiven_at(self) -> Seconds:
        """When the loop's last stall ended: heartbeats missed before that were nobody's fault."""

    def draw_seed(self) -> float:
        """Return a random number for one life's jitter."""

    def exit_now(self, reason: str) -> None:
        """End the process."""


class Context(Attention):
    """One incarnation's view of its supervisor.

    It is also a trio `task_status`: `started` is `ready`, so it can be passed on to a function that
    follows trio's own convention.
    """

    def __init__(
        self,
        path: str,
        incarnation: int,
        *,
        services: Services,
        on_ready: Callable[[], None],
        heartbeat_timeout: Seconds | None = None,
    ) -> None:
        super().__init__(heartbeat_timeout=heartbeat_timeout)
        self.path = path
        self.incarnation = incarnation
        self.services = services
        self.value: object = None
        self.is_ready = False
        self.is_fenced = False
        self._on_ready = on_ready
        self._inboxes: dict[Mailbox[Any], Inbox[Any]] = {}

    @property
    def id(self) -> ChildId:
        """The child's id: the last part of its path."""
        return self.path.rpartition("/")[2]

    def ready(self, value: object = None) -> None:
        """Say that the child works now; *value* goes to who started it by hand.

        Raises:
            AlreadyReady: it was said before, which is the child's mistake.
        """
        if self.is_ready:
            raise AlreadyReady(f"{self.path}#{self.incarnation} is ready already")
        self.is_ready = True
        self.value = value
        self._on_ready()

    started = ready

    def messages(self, mailbox: Mailbox[T]) -> AsyncIterator[T]:
        """Yield messages as they come, until the child is asked to stop; beats while it waits.

        It beats with each message, too; who works long on one beats meanwhile. A paused child gets
        none until it is resumed. What is left in the mailbox is for the next incarnation; the
        message that the child is at when it ends is gone.

        Raises:
            MailboxClosed: from the loop, if the mailbox was closed before the child was stopped.
        """
        return self._inbox(mailbox)

    async def receive(self, mailbox: Mailbox[T]) -> T | None:
        """Wait for one message as `messages` does; return None once the child is asked to stop.

        Cancellation: a message is returned, or none was taken.

        Raises:
            MailboxClosed: the mailbox was closed before the child was stopped.
        """
        letter = await self._inbox(mailbox).take()
        return None if letter is None else letter.message

    def fence(self) -> None:
        """Mark the incarnation as given up, and take its mailboxes from it."""
        self.is_fenced = True
        self.close()

    def close(self) -> None:
        """End every wait and close every inbox, for good; called when the incarnation is over.

        Askers that still wait for an answer from it are told that none will come.
        """
        self.ask_to_stop()
        for inbox in self._inboxes.values():
            inbox.close()

    def _inbox(self, mailbox: Mailbox[T]) -> Inbox[T]:
        if mailbox not in self._inboxes:
            self._inboxes[mailbox] = mailbox.open_inbox(self)
        return self._inboxes[mailbox]

    def __repr__(self) -> str:
        return f"<Context {self.path}#{self.incarnation}>"
