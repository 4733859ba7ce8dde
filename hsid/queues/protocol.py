"""What every durable queue promises, whatever keeps it: memory, SQLite or Redis Streams.

The life of an entry: `ready -> leased -> acknowledged`, or back to `ready` (released, or retried
after a delay), or `dead`. At least once: a handler may see an entry again, so what it does is
guarded by the state of the row that the entry is about (`hsid.queues.completion`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from hsid.model import Seconds

Payload = Mapping[str, int | str]

LONGEST_DELAY: Seconds = 3600.0
"""A longer delay is cut to this one, so that a clock that was wrong for a while parks nothing."""

DEFAULT_CAPACITY = 10_000
"""How many unsettled entries a queue holds, unless it was told otherwise."""

MAX_REQUEUED = 10_000
"""How many dead letters one call puts back, unless the queue was told otherwise."""


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
    """Stored; an older entry became an overflow dead letter to make room for it."""

    @property
    def is_stored(self) -> bool:
        """Tell whether the queue holds the entry."""
        return self is not QueueAddResult.REJECTED


class QueueOverflowPolicy(StrEnum):
    """What a full queue does with one entry more.

    Only ready entries make room, the least urgent and oldest first; where there is none, the new
    entry is rejected under any policy.
    """

    REJECT = "reject"
    DLQ = "dlq"
    """The old entry becomes a dead letter of the list `get_dlq_overflow_name`."""
    DROP_OLDEST = "drop_oldest"
    """The old entry is deleted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A piece of work as its producer puts it. The same *id* is the same work."""

    id: str
    payload: Payload
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True)
class PutReport:
    """What became of the entries of one put, in their order, and who had to go for them."""

    results: tuple[QueueAddResult, ...]
    evicted: tuple[Entry, ...] = ()
    """Older entries that made room, by `DROP_OLDEST` or `DLQ`: their work will not be done."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The dead letter that an entry was requeued from; the letter itself is gone."""

    queue: str
    """The list of dead letters that it was in."""
    died_at: datetime


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
    is_begun: bool = False
    """Whether *begun* counts the present handler already, as it does after `begin`."""
    origin: Origin | None = None
    """Where the entry comes from if it was dead before."""

    @property
    def finished_tries(self) -> int:
        """Return *begun* as it is when the present handler has failed."""
        return self.begun if self.is_begun else self.begun + 1

    @property
    def earlier_tries(self) -> int:
        """Return *begun* as it is when the present handler is not to count."""
        return self.begun - 1 if self.is_begun else self.begun


@dataclass(frozen=True, slots=True)
class Ack:
    """The entry is done."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Release:
    """The entry was not worked on, no try is used up: it is ready again after *delay*."""

    lease: Lease
    delay: Seconds = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """The handler failed, which counts; the entry is ready again after *delay*."""

    lease: Lease
    delay: Seconds
    error: str


@dataclass(frozen=True, slots=True)
class Bury:
    """The entry is given up: it becomes a dead letter."""

    lease: Lease
    error: str
    traceback: str = ""
    """Where in the program *error* came up, for who looks for the cause."""


Settlement: TypeAlias = Ack | Release | Retry | Bury
"""How a lease ends."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that was given up, with its history."""

    entry: Entry
    queue: str
    """The list it is in: `get_dlq_name` or `get_dlq_overflow_name` of its queue."""
    error: str
    """The last error, in one line."""
    first_error: str | None
    begun: int
    enqueued_at: datetime
    died_at: datetime
    traceback: str = ""
    origin: Origin | None = None
    """Set if it had been requeued and died again."""


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


@dataclass(frozen=True, slots=True)
class QueuePressureMetrics:
    """How full a queue is, for those who watch it."""

    queue_name: str
    current_length: int
    """Entries that are not settled."""
    max_size: int
    fill_ratio: float
    is_at_pressure_threshold: bool
    is_full: bool
    overflow_policy: QueueOverflowPolicy


class QueueError(Exception):
    """Base of all that a queue raises."""


class LeaseLostError(QueueError):
    """Leases ran out or were taken over: their entries are another's, the results are discarded.

    All other leases of the same call were settled.
    """

    def __init__(self, leases: Sequence[Lease]) -> None:
        super().__init__(f"lost the lease of {', '.join(lease.entry.id for lease in leases)}")
        self.leases = tuple(leases)


class QueueUnavailableError(QueueError):
    """What keeps the queue can't be reached now; the same call may succeed later."""


class QueueRefusedError(QueueUnavailableError):
    """What keeps the queue must be mended by a person before it can be used.

    At the start that is a reason to end, with the advice. A daemon that runs goes on and tries
    again: it may be mended at any moment, and what arrives is kept meanwhile.
    """


class DurableQueue(Protocol):
    """One named queue. Every call that changes it is durable when it returns.

    *Cancellation*: a cancelled call leaves as soon as it can; whether its effect happened is
    unknown, and as all calls are idempotent the caller may repeat it. `lease` alone is exact: it
    returns what it has taken even if it is being cancelled, so that no entry is held by nobody.
    """

    @property
    def name(self) -> str:
        """The queue's name, one of `hsid.constants`."""
        ...

    async def put(self, entries: Sequence[Entry]) -> PutReport:
        """Store *entries*; those that the queue holds already stay as they are."""
        ...

    async def lease(
        self, limit: int, *, duration: Seconds, max_wait: Seconds = 0
    ) -> Sequence[Lease]:
        """Take up to *limit* ready entries, oldest first within a priority.

        Waits up to *max_wait* for the first one; an empty result means that none came. A lease
        whose *duration* has passed is given to others, as redelivered.
        """
        ...

    async def reclaim(self) -> int:
        """Make ready, in front of all others, what a consumer of this name held when it went away.

        Called once before the first `lease` of a process. Returns how many; they come with
        `is_redelivered`.
        """
        ...

    async def begin(self, lease: Lease) -> Lease:
        """Count a handler's beginning durably, before it runs; return the lease with it counted.

        Raises:
            LeaseLostError: The entry is another's by now.
        """
        ...

    async def extend(self, leases: Sequence[Lease], *, duration: Seconds) -> None:
        """Let *leases* hold for *duration* from now. Lost ones are passed over."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Lease]:
        """End leases, all in one step; return those that were lost and so did not change."""
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

    async def peek(self, limit: int = 100) -> Sequence[Entry]:
        """Return the ready entries in the order in which they would be leased."""
        ...

    async def clear(self) -> int:
        """Delete what is ready or waits for its retry, never what is leased; return how many."""
        ...

    async def dead_letters(self, limit: int = 100) -> Sequence[DeadLetter]:
        """Return the latest dead letters, those of overflow included, the latest first."""
        ...

    async def requeue(
        self,
        ids: Sequence[str] | None = None,
        *,
        reason: str | None = None,
        limit: int | None = None,
    ) -> PutReport:
        """Put dead letters again, with a new count of tries.

        One that the full queue rejects stays a dead letter. The report is about those that were
        chosen: in the order of *ids*, or as they died.

        Args:
            ids: Which ones, unknown ids are passed over; None for all.
            reason: Only those whose last error has this in it.
            limit: No more than that many; None for as many as the queue allows in one call, which
                is the most in any case.
        """
        ...

    async def discard(self, ids: Sequence[str]) -> int:
        """Delete the dead letters of *ids*, unknown ones are passed over; return how many.

        Only the letters: what the ledger says of the work stays as it is.
        """
        ...
