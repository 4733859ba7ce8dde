"""How a handler ends: one `Completion`, with one effect however often it is tried.

The writes begin with a guarded change of state. Where that changes no row, somebody else has
finished the work: the writes are discarded, and only puts and acknowledgements follow. With the
embedded queue a completion is one savepoint of one transaction; with any other the order is
writes, puts, acknowledgements, so that a crash between them repeats and never loses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from sqlalchemy import Connection

from hsid.queues.protocol import (
    Ack,
    Bury,
    Entry,
    Lease,
    QueueAddResult,
    Release,
    Retry,
    Settlement,
)

__all__ = [
    "Ack",
    "Bury",
    "Completer",
    "Completion",
    "Outcome",
    "Put",
    "Release",
    "Retry",
    "Settlement",
    "Write",
]

Write: TypeAlias = Callable[[Connection], bool]
"""A change of the store; False if its guard found that the change is not due any more.

It touches the store alone: it may run again after it was rolled back.
"""


@dataclass(frozen=True, slots=True)
class Put:
    """An entry for the queue named *queue*."""

    queue: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one completion, once it is durable."""

    is_discarded: bool = False
    """A write was not due, so none was made; puts and acknowledgements were."""
    puts: tuple[QueueAddResult, ...] = ()
    """One result for each put. A rejected one loses nothing: what it was about is in the store,
    and the reconciler puts it when there is room."""
    evicted: tuple[Entry, ...] = ()
    """Older entries that made room for the puts; their work will not be done."""
    lost: tuple[Lease, ...] = ()
    """Leases that were another's by now."""
    error: Exception | None = None
    """Why nothing at all of this completion was done: one of its writes raised this."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a handler leaves behind. *writes* run in order and stop at the first that is not due."""

    writes: tuple[Write, ...] = ()
    puts: tuple[Put, ...] = ()
    acks: tuple[Settlement, ...] = ()
    on_done: Callable[[Outcome], None] | None = None
    """Called in the event loop once the completion is durable: for notices."""


class Completer(Protocol):
    """Carries completions out."""

    async def complete(self, completions: Sequence[Completion]) -> Sequence[Outcome]:
        """Make *completions* durable, as one group where the queue allows it.

        One completion's failure does not undo the others'; it is told in its outcome. A lost lease
        is logged and told, not raised: its entry is somebody else's work by now.

        Raises:
            QueueUnavailableError: The store or the queue can't be reached. Nothing may be assumed
                about what was done; the same call may be repeated as it is.
        """
        ...
