"""What every durable queue promises, whatever keeps it: memory, SQLite or Redis Streams.

The life of an entry: `ready -> leased -> acknowledged`, or back to `ready` (released, or retried
after a delay), or `dead`. At least once: a handler may see an entry again, so what it does is
guarded by the state of the row that the entry is about (`hsid.queues.completion`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from hsid.model import Seconds

Payload = Mapping[str, int | str]


class Priority(StrEnum):
    """Which entries are leased first."""

    FAST = "fast"
    NORMAL = "normal"


class QueueAddResult(StrEnum):
    """What became of an entry that was put."""

    SUCCESS = "success"
    """The queue holds it now, or held it already: a put is idempotent by id."""
    REJECTED = "rejected"
    """The queue is full and its policy is to say so; nothing was stored."""
    SENT_TO_DLQ = "sent_to_dlq"


class QueueOverflowPolicy(StrEnum):
    """What a full queue does with one entry more."""

    REJECT = "reject"
    DLQ = "dlq"
    DROP_OLDEST = "drop_oldest"


@dataclass(frozen=True, slots=True)
class Entry:
    """A piece of work as its producer puts it. The same *id* is the same work."""

    id: str
    payload: Payload
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True)
class Lease:
    """An entry handed to a consumer, who alone may settle it while the lease holds."""

    queue: str
    entry: Entry
    token: str
    """Fences: an acknowledgement under a token that has been replaced is refused."""
    begun: int
    """How many handlers have begun this entry before and did not finish it."""
    is_redelivered: bool
    """Leased before to a consumer that went away without a word: it may be what killed it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that was given up, with its history."""

    id: str
    queue: str
    payload: Payload
    error: str
    first_error: str | None
    begun: int
    died_at: datetime


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue at one moment. *delayed* entries wait for the time of their retry."""

    ready: int
    leased: int
    delayed: int
    dead: int
    capacity: int
    oldest_age: Seconds | None
    """Age of the oldest entry that is not dead, None for an empty queue."""

    @property
    def depth(self) -> int:
        """Return the number of entries that are not settled."""
        return self.ready + self.leased + self.delayed


class QueueError(Exception):
    """Base of all that a queue raises."""


class LeaseLostError(QueueError):
    """The lease ran out or was taken over: the entry is another's, its result is discarded."""


class QueueUnavailableError(QueueError):
    """What keeps the queue can't be reached now; the same call may succeed later."""


class DurableQueue(Protocol):
    """One named queue. Every call that changes it is durable when it returns.

    *Cancellation*: a cancelled call leaves at once; whether its effect happened is unknown, and as
    all calls are idempotent the caller may repeat it.
    """

    @property
    def name(self) -> str:
        """The queue's name, one of `hsid.constants`."""
        ...

    async def put(self, entries: Sequence[Entry]) -> Sequence[QueueAddResult]:
        """Store *entries*, one result each; those that the queue holds already stay as they are."""
        ...

    async def lease(
        self, limit: int, *, duration: Seconds, max_wait: Seconds = 0
    ) -> Sequence[Lease]:
        """Take up to *limit* ready entries, oldest first within a priority.

        Waits up to *max_wait* for the first one; an empty result means that none came.
        """
        ...

    async def reclaim(self) -> int:
        """Make ready, in front of all others, what a consumer of this name held when it went away.

        Called once before the first `lease` of a process. Returns how many; they come with
        `is_redelivered`.
        """
        ...

    async def begin(self, lease: Lease) -> Lease:
        """Count a handler's beginning durably, before it runs; return the lease with it counted."""
        ...

    async def extend(self, leases: Sequence[Lease], *, duration: Seconds) -> None:
        """Let *leases* hold for *duration* from now. Lost ones are passed over."""
        ...

    async def ack(self, leases: Sequence[Lease]) -> None:
        """Remove finished entries. Raise `LeaseLostError` if one is not ours any more."""
        ...

    async def release(self, leases: Sequence[Lease]) -> None:
        """Give entries back unhandled: at once ready again, no try used up."""
        ...

    async def retry(self, lease: Lease, *, delay: Seconds, error: str) -> None:
        """Count a failed handler and make the entry ready again after *delay*."""
        ...

    async def dead_letter(self, lease: Lease, *, error: str) -> None:
        """Move the entry to the dead letters, one step with its removal."""
        ...

    async def stats(self) -> QueueStats:
        """Count what is there."""
        ...

    async def dead_letters(self, limit: int = 100) -> Sequence[DeadLetter]:
        """Return the latest dead letters."""
        ...
