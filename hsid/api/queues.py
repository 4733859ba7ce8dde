"""The durable queues and their dead letters, seen and steered from outside.

Queues are not cleared from here: what they hold is owed to the ledger, which would have it put
again. Whoever wants less work pauses an actor.
"""

from collections.abc import Awaitable, Callable, Sequence

from hsid.api.models import QueueReport
from hsid.api.queue_models import (
    MOST_LETTERS,
    EntryList,
    EntryReport,
    LetterChange,
    LetterChoice,
    LetterList,
    LetterReport,
    QueueList,
)
from hsid.constants import DLQ_OVERFLOW_PREFIX, DLQ_PREFIX
from hsid.queues.protocol import DeadLetter, DurableQueue, Payload

Revive = Callable[[str, Sequence[Payload]], Awaitable[int]]
"""Makes due again in the ledger what dead entries of a queue were about; returns how many."""


class QueueNotFoundError(Exception):
    """There is no queue of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no queue {name!r}.")


class LetterNotFoundError(Exception):
    """The queue has no dead letter of this id among the latest."""

    def __init__(self, queue: str, letter_id: str) -> None:
        super().__init__(f"{queue} has no dead letter {letter_id!r}.")


class QueueControl:
    """Looks at *queues*, and puts their dead letters again or deletes them."""

    def __init__(self, queues: Sequence[DurableQueue], revive: Revive) -> None:
        self._queues = {queue.name: queue for queue in queues}
        self._revive = revive

    async def list_all(self) -> QueueList:
        """Count what each queue holds."""
        reports = [await self.show(name) for name in self._queues]
        return QueueList(queues=tuple(reports))

    async def show(self, name: str) -> QueueReport:
        """Count what one queue holds.

        Raises:
            QueueNotFoundError: There is none of this name.
            QueueUnavailableError: It can't be reached now.
        """
        queue = self._queue(name)
        return QueueReport.of(queue.name, await queue.stats())

    async def peek(self, name: str, limit: int) -> EntryList:
        """Return the entries that would be leased next."""
        queue = self._queue(name)
        entries = await queue.peek(limit)
        return EntryList(queue=queue.name, entries=tuple(map(EntryReport.of, entries)))

    async def letters(self, name: str | None, limit: int) -> LetterList:
        """Return the latest dead letters, of one queue or of all."""
        asked = list(self._queues.values()) if name is None else [self._queue(name)]
        total, found = 0, []
        for queue in asked:
            total += (await queue.stats()).dead
            found += [LetterReport.of(queue.name, each) for each in await queue.dead_letters(limit)]
        latest_first = sorted(found, key=lambda letter: letter.died_at, reverse=True)
        return LetterList(letters=tuple(latest_first[:limit]), total=total)

    async def letter(self, name: str, letter_id: str) -> LetterReport:
        """Return one dead letter, the latest of its id.

        Raises:
            LetterNotFoundError: There is none.
        """
        queue = self._queue(name)
        for letter in await queue.dead_letters(MOST_LETTERS):
            if letter.entry.id == letter_id:
                return LetterReport.of(queue.name, letter)
        raise LetterNotFoundError(queue.name, letter_id)

    async def requeue(self, name: str, choice: LetterChoice) -> LetterChange:
        """Put dead letters again, the oldest first, as far as the queue has room."""
        queue = self._queue(name)
        chosen = await self._choose(queue, choice)
        stats = await queue.stats()
        chosen = chosen[: max(0, stats.capacity - stats.depth)]
        revived, ids = 0, _ids(chosen)
        if chosen and not choice.dry_run:
            payloads = [letter.entry.payload for letter in chosen]
            revived = await self._revive(queue.name, payloads)
            report = await queue.requeue(ids)
            ids = [id_ for id_, each in zip(ids, report.results, strict=False) if each.is_stored]
        return await self._changed(queue, choice, ids, revived)

    async def discard(self, name: str, choice: LetterChoice) -> LetterChange:
        """Delete dead letters; their uploads stay dead in the ledger."""
        queue = self._queue(name)
        ids = _ids(await self._choose(queue, choice))
        if not choice.dry_run:
            await queue.discard(ids)
        return await self._changed(queue, choice, ids, 0)

    async def _choose(self, queue: DurableQueue, choice: LetterChoice) -> list[DeadLetter]:
        latest_first = await queue.dead_letters(MOST_LETTERS)
        return choice.chosen(list(reversed(latest_first)))

    async def _changed(
        self, queue: DurableQueue, choice: LetterChoice, ids: Sequence[str], revived: int
    ) -> LetterChange:
        return LetterChange(
            queue=queue.name,
            dry_run=choice.dry_run,
            ids=tuple(ids),
            revived=revived,
            left=(await queue.stats()).dead,
        )

    def _queue(self, name: str) -> DurableQueue:
        """Return the queue of this name, or of this name of dead letters."""
        plain = name.removeprefix(DLQ_OVERFLOW_PREFIX).removeprefix(DLQ_PREFIX)
        try:
            return self._queues[plain]
        except KeyError as error:
            raise QueueNotFoundError(name) from error


def _ids(letters: Sequence[DeadLetter]) -> list[str]:
    return list(dict.fromkeys(letter.entry.id for letter in letters))
