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

from hsid.model import Seconds
from hsid.queues.protocol import Entry, Lease

Write: TypeAlias = Callable[[Connection], bool]
"""A change of the store; False if its guard found that the change is not due any more."""


@dataclass(frozen=True, slots=True)
class Put:
    """An entry for the queue named *queue*."""

    queue: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Ack:
    """The entry is done."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Release:
    """The entry was not worked on: another may have it at once."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Retry:
    """The handler failed; the entry comes again after *delay*."""

    lease: Lease
    delay: Seconds
    error: str


@dataclass(frozen=True, slots=True)
class Bury:
    """The entry is given up: it becomes a dead letter."""

    lease: Lease
    error: str


Settlement: TypeAlias = Ack | Release | Retry | Bury


@dataclass(frozen=True, slots=True)
class Completion:
    """What a handler leaves behind. *writes* run in order and stop at the first that is not due."""

    writes: tuple[Write, ...] = ()
    puts: tuple[Put, ...] = ()
    acks: tuple[Settlement, ...] = ()


class Completer(Protocol):
    """Carries completions out."""

    async def complete(self, completions: Sequence[Completion]) -> None:
        """Make *completions* durable, as one group where the queue allows it.

        One completion's failure does not undo the others'. A lost lease is logged and counted, not
        raised: its entry is somebody else's work by now.
        """
        ...
