"""A queue that lives and dies with the process: for tests, and for anyone who wants no disk.

A full second implementation: what the other queues promise holds here too, durability excepted.
It runs on trio's clock, so a test with a virtual clock sees retries and leases end at once.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import assert_never

import trio

from hsid.constants import get_dlq_name, get_dlq_overflow_name
from hsid.model import Seconds
from hsid.queues.base import QueueBase, Taken
from hsid.queues.clock import Clock
from hsid.queues.dead_letters import in_one_line, requeue_limit
from hsid.queues.overflow import OVERFLOW_ERROR, answers, wanted_evictions
from hsid.queues.protocol import (
    DEFAULT_CAPACITY,
    LONGEST_DELAY,
    MAX_REQUEUED,
    Ack,
    Bury,
    DeadLetter,
    Entry,
    Lease,
    LeaseLostError,
    Origin,
    Priority,
    PutReport,
    QueueOverflowPolicy,
    QueueStats,
    Release,
    Retry,
    Settlement,
)
from hsid.store.columns import clean


@dataclass(slots=True, kw_only=True)
class _Row:
    entry: Entry
    number: int
    put_at: Seconds
    due: Seconds | None = None
    """When it comes back by itself; None while it is ready."""
    token: str | None = None
    begun: int = 0
    is_redelivered: bool = False
    first_error: str | None = None
    origin: Origin | None = None
    enqueued_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def order(self) -> tuple[bool, bool, int]:
        return (not self.is_redelivered, self.entry.priority is not Priority.FAST, self.number)

    @property
    def eviction_order(self) -> tuple[bool, bool, int]:
        return (self.is_redelivered, self.entry.priority is Priority.FAST, self.number)

    def give_back(self, due: Seconds | None) -> None:
        self.token, self.due = None, due


class MemoryQueue(QueueBase):
    """A `DurableQueue` in memory. `reclaim` stands for a consumer that died and came back."""

    def __init__(
        self,
        name: str,
        *,
        capacity: int = DEFAULT_CAPACITY,
        overflow: QueueOverflowPolicy = QueueOverflowPolicy.REJECT,
        max_requeued: int = MAX_REQUEUED,
        clock: Clock = trio.current_time,
    ) -> None:
        super().__init__()
        self._max_requeued = max_requeued
        self._name = name
        self._capacity = capacity
        self._overflow = overflow
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self._dead: dict[tuple[str, str], DeadLetter] = {}
        self._next_number = 0

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._name

    async def put(self, entries: Sequence[Entry]) -> PutReport:
        """Store *entries*; those that the queue holds already stay as they are."""
        await trio.lowlevel.checkpoint()
        return self.put_nowait(entries)

    def put_nowait(self, entries: Sequence[Entry]) -> PutReport:
        """Store *entries*, as `put` does."""
        report = self._put(entries)
        self.wake()
        return report

    async def reclaim(self) -> int:
        """Make ready, in front of all others, whatever is leased."""
        await trio.lowlevel.checkpoint()
        leased = [row for row in self._rows.values() if row.token is not None]
        for row in leased:
            row.is_redelivered = True
            row.give_back(None)
        self.wake()
        return len(leased)

    async def begin(self, lease: Lease) -> Lease:
        """Count a handler's beginning."""
        await trio.lowlevel.checkpoint()
        row = self._leased(lease)
        if row is None:
            raise LeaseLostError([lease])
        row.begun = lease.finished_tries
        return replace(lease, begun=row.begun, is_begun=True)

    async def extend(self, leases: Sequence[Lease], *, duration: Seconds) -> None:
        """Let *leases* hold for *duration* from now."""
        await trio.lowlevel.checkpoint()
        for lease in leases:
            if (row := self._leased(lease)) is not None:
                row.due = self._clock() + duration

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Lease]:
        """End leases; return those that were lost."""
        await trio.lowlevel.checkpoint()
        return self.settle_nowait(settlements)

    def settle_nowait(self, settlements: Sequence[Settlement]) -> Sequence[Lease]:
        """End leases, as `settle` does."""
        lost = [item.lease for item in settlements if not self._settle(item)]
        self.wake()
        return lost

    async def stats(self) -> QueueStats:
        """Count what is there."""
        await trio.lowlevel.checkpoint()
        now = self._clock()
        waiting = [row for row in self._rows.values() if row.due is not None and row.due > now]
        leased = sum(row.token is not None for row in waiting)
        return QueueStats(
            ready=len(self._rows) - len(waiting),
            leased=leased,
            delayed=len(waiting) - leased,
            dead=len(self._dead),
            capacity=self._capacity,
            oldest_age=max((now - row.put_at for row in self._rows.values()), default=None),
        )

    async def peek(self, limit: int = 100) -> Sequence[Entry]:
        """Return the ready entries in the order in which they would be leased."""
        await trio.lowlevel.checkpoint()
        self._wake_due()
        return [row.entry for row in self._ready()[:limit]]

    async def clear(self) -> int:
        """Delete what is ready or waits for its retry."""
        await trio.lowlevel.checkpoint()
        return self._remove([row for row in self._rows.values() if row.token is None])

    async def dead_letters(self, limit: int = 100) -> Sequence[DeadLetter]:
        """Return the latest dead letters."""
        await trio.lowlevel.checkpoint()
        return list(reversed(self._dead.values()))[:limit]

    async def requeue(
        self,
        ids: Sequence[str] | None = None,
        *,
        reason: str | None = None,
        limit: int | None = None,
    ) -> PutReport:
        """Put dead letters again."""
        await trio.lowlevel.checkpoint()
        letters = {
            letter.entry.id: letter
            for letter in self._dead.values()
            if reason is None or reason in letter.error
        }
        wanted = [id_ for id_ in dict.fromkeys(letters if ids is None else ids) if id_ in letters]
        wanted = wanted[: requeue_limit(limit, self._max_requeued)]
        held = set(self._rows)
        report = self._put([letters[id_].entry for id_ in wanted])
        for id_, result in zip(wanted, report.results, strict=True):
            if result.is_stored:
                self._raise(letters[id_], is_new=id_ not in held)
        self.wake()
        return report

    async def discard(self, ids: Sequence[str]) -> int:
        """Delete dead letters."""
        await trio.lowlevel.checkpoint()
        keys = [key for key in self._dead if key[1] in set(ids)]
        for key in keys:
            del self._dead[key]
        return len(keys)

    async def _take(self, limit: int, duration: Seconds) -> Taken:
        self._wake_due()
        rows, token = self._ready()[: max(0, limit)], secrets.token_hex(8)
        for row in rows:
            row.token, row.due = token, self._clock() + duration
        leases = [
            Lease(self._name, row.entry, token, row.begun, row.is_redelivered, origin=row.origin)
            for row in rows
        ]
        due = min((row.due for row in self._rows.values() if row.due is not None), default=None)
        return Taken(leases, None if due is None else due - self._clock())

    def _put(self, entries: Sequence[Entry]) -> PutReport:
        wanted = {entry.id: entry for entry in reversed(entries)}
        ids = list(dict.fromkeys(entry.id for entry in entries))
        new = [wanted[id_] for id_ in ids if id_ not in self._rows]
        is_held = [id_ in self._rows for id_ in ids]
        room = max(0, self._capacity - len(self._rows))
        evicted = self._evict(wanted_evictions(len(new) - room, self._overflow))
        for entry in new[: room + len(evicted)]:
            self._add(entry)
        results = answers(is_held, room=room, evicted=len(evicted), policy=self._overflow)
        by_id = dict(zip(ids, results, strict=True))
        return PutReport(tuple(by_id[entry.id] for entry in entries), tuple(evicted))

    def _add(self, entry: Entry) -> None:
        self._rows[entry.id] = _Row(entry=entry, number=self._next_number, put_at=self._clock())
        self._next_number += 1

    def _evict(self, count: int) -> list[Entry]:
        if count <= 0:
            return []
        self._wake_due()
        rows = sorted(self._ready(), key=lambda row: row.eviction_order)[:count]
        self._remove(rows)
        if self._overflow is QueueOverflowPolicy.DLQ:
            for row in rows:
                self._bury(row, get_dlq_overflow_name(self._name), OVERFLOW_ERROR)
        return [row.entry for row in rows]

    def _settle(self, item: Settlement) -> bool:
        row = self._leased(item.lease)
        if row is None:
            return False
        match item:
            case Ack():
                del self._rows[row.entry.id]
            case Release(lease, delay):
                row.begun = lease.earlier_tries
                row.give_back(self._due(delay))
            case Retry(lease, delay, error):
                row.begun = lease.finished_tries
                row.is_redelivered = False
                row.first_error = row.first_error or in_one_line(error)
                row.give_back(self._due(delay))
            case Bury(lease, error, traceback):
                row.begun = lease.finished_tries
                row.first_error = row.first_error or in_one_line(error)
                del self._rows[row.entry.id]
                self._bury(row, get_dlq_name(self._name), in_one_line(error), clean(traceback))
            case _:
                assert_never(item)
        return True

    def _bury(self, row: _Row, dlq: str, error: str, traceback: str = "") -> None:
        key = (dlq, row.entry.id)
        self._dead.pop(key, None)  # a second death is the latest
        self._dead[key] = DeadLetter(
            entry=row.entry,
            queue=dlq,
            error=error,
            first_error=row.first_error,
            begun=row.begun,
            enqueued_at=row.enqueued_at,
            died_at=datetime.now(UTC),
            traceback=traceback,
            origin=row.origin,
        )

    def _raise(self, letter: DeadLetter, *, is_new: bool) -> None:
        id_ = letter.entry.id
        for key in [key for key in self._dead if key[1] == id_]:
            del self._dead[key]
        if is_new:
            self._rows[id_].origin = Origin(letter.queue, letter.died_at)

    def _leased(self, lease: Lease) -> _Row | None:
        row = self._rows.get(lease.entry.id)
        return row if row is not None and row.token == lease.token else None

    def _ready(self) -> list[_Row]:
        ready = [row for row in self._rows.values() if row.due is None]
        return sorted(ready, key=lambda row: row.order)

    def _wake_due(self) -> None:
        now = self._clock()
        for row in self._rows.values():
            if row.due is not None and row.due <= now:
                row.is_redelivered = row.is_redelivered or row.token is not None
                row.give_back(None)

    def _due(self, delay: Seconds) -> Seconds | None:
        return self._clock() + min(delay, LONGEST_DELAY) if delay > 0 else None

    def _remove(self, rows: Iterable[_Row]) -> int:
        gone = [row.entry.id for row in rows]
        for id_ in gone:
            del self._rows[id_]
        return len(gone)
