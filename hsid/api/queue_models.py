"""The documents about durable queues and dead letters, and what may be asked of those."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hsid.api.models import Document, QueueReport
from hsid.queues.protocol import DeadLetter, Entry

MOST_LETTERS = 1000
"""How many dead letters are looked at, the latest first, and changed in one call."""

_LetterId = Annotated[str, Field(min_length=1, max_length=400)]


class QueueList(Document):
    """Every durable queue."""

    queues: tuple[QueueReport, ...]


class EntryReport(Document):
    """An entry that waits in a queue."""

    id: str
    priority: str
    payload: dict[str, int | str]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Return the document for *entry*."""
        return cls(id=entry.id, priority=entry.priority, payload=dict(entry.payload))


class EntryList(Document):
    """Ready entries of a queue, in the order in which they would be leased."""

    queue: str
    entries: tuple[EntryReport, ...]


class OriginReport(Document):
    """That a letter had been dead before and was requeued."""

    queue: str
    died_at: datetime


class LetterReport(Document):
    """An entry that was given up."""

    queue: str
    """The queue that it belongs into again."""
    letters: str
    """The list of dead letters that it is in."""
    id: str
    priority: str
    payload: dict[str, int | str]
    error: str
    first_error: str | None
    begun: int
    """How many handlers had begun it."""
    enqueued_at: datetime
    died_at: datetime
    traceback: str
    origin: OriginReport | None

    @classmethod
    def of(cls, queue: str, letter: DeadLetter) -> Self:
        """Return the document for a *letter* of *queue*."""
        origin = letter.origin
        return cls(
            queue=queue,
            letters=letter.queue,
            id=letter.entry.id,
            priority=letter.entry.priority,
            payload=dict(letter.entry.payload),
            error=letter.error,
            first_error=letter.first_error,
            begun=letter.begun,
            enqueued_at=letter.enqueued_at,
            died_at=letter.died_at,
            traceback=letter.traceback,
            origin=None
            if origin is None
            else OriginReport(queue=origin.queue, died_at=origin.died_at),
        )


class LetterList(Document):
    """Dead letters, the latest first."""

    letters: tuple[LetterReport, ...]
    total: int
    """How many there are in the queues that were asked, whether listed or not."""


class LetterChoice(BaseModel):
    """Which dead letters of a queue are meant: say which, or say all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: tuple[_LetterId, ...] | None = Field(None, max_length=MOST_LETTERS)
    reason: Annotated[str, Field(min_length=1, max_length=400)] | None = Field(
        None, description="Those whose last error has this in it."
    )
    all: bool = Field(default=False, description="All of them, up to the limit.")
    limit: int = Field(MOST_LETTERS, ge=1, le=MOST_LETTERS, description="The oldest so many.")
    dry_run: bool = Field(default=False, description="Only say which would be meant.")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if not (self.ids or self.reason or self.all):
            raise ValueError("name ids or a reason, or say all")
        return self

    def chosen(self, letters: list[DeadLetter]) -> list[DeadLetter]:
        """Return those of *letters*, which come oldest first, that are meant."""
        wanted = None if self.ids is None else set(self.ids)
        meant = [
            letter
            for letter in letters
            if (wanted is None or letter.entry.id in wanted)
            and (self.reason is None or self.reason in letter.error)
        ]
        return meant[: self.limit]


class LetterChange(Document):
    """What came of a change to dead letters."""

    queue: str
    dry_run: bool
    ids: tuple[str, ...]
    """Those that were changed, or would be, as they died."""
    revived: int = 0
    """Uploads that were dead in the ledger and are due again."""
    left: int
    """Dead letters that there are still."""
