"""A queue as keys in Redis: what can be done to it on one connection, each in one step.

Plain functions over a client, for a worker thread. The steps themselves are the script in
`script`; here calls are put into its words, and its answers into ours. Redis 6.2 or newer.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, TypeAlias, TypeVar, cast

import redis

from hsid.constants import get_dlq_name, get_dlq_overflow_name
from hsid.model import Seconds
from hsid.queues.clock import Clock
from hsid.queues.overflow import OVERFLOW_ERROR, answers
from hsid.queues.protocol import (
    LONGEST_DELAY,
    DeadLetter,
    Entry,
    Lease,
    PutReport,
    QueueAddResult,
    QueueOverflowPolicy,
    QueueStats,
    Settlement,
)
from hsid.queues.redis.script import run_script
from hsid.queues.redis.words import (
    Words,
    dead_letter_of,
    entry_of,
    leases_of,
    settle_words,
    words_of,
)

T = TypeVar("T")

_Found: TypeAlias = list[tuple[str, dict[str, str]]]

PORTION = 500
"""Entries a call: the server does nothing else meanwhile."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a queue gave and, if it gave nothing, what is worth waiting for."""

    leases: Sequence[Lease] = ()
    vanished: int = 0
    """Entries that somebody else has deleted from the stream."""
    next_due: Seconds = math.inf
    """Until the first entry comes back by itself."""
    last_ids: tuple[str, str] | None = None
    """Of the streams, fast and normal: what is put from now on comes after these."""


class RedisEntries:
    """The entries of the queue *name*.

    Args:
        name: The queue's name.
        prefix: What all its keys begin with.
        consumer: Who leases here. The same after a restart, another one on every node.
        capacity: How many unsettled entries it holds; those that are put beyond meet *overflow*.
        overflow: What a full queue does.
        overflow_list: Another name than the usual one for what had to make room.
        clock: Seconds since 1970; None for the server's clock, which all nodes share.
    """

    def __init__(
        self,
        name: str,
        *,
        prefix: str,
        consumer: str,
        capacity: int,
        overflow: QueueOverflowPolicy = QueueOverflowPolicy.REJECT,
        overflow_list: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._name = name
        self._consumer = consumer
        self._capacity = capacity
        self._overflow = overflow
        self._clock = clock
        self._dlq = get_dlq_name(name)
        self._dlq_overflow = overflow_list or get_dlq_overflow_name(name)
        self.normal, self.fast = f"{prefix}{name}", f"{prefix}{name}:fast"
        """The streams."""
        self._dead, self._overflown = f"{prefix}{self._dlq}", f"{prefix}{self._dlq_overflow}"
        self.keys = (
            self.normal,
            self.fast,
            f"{self.normal}:ids",
            f"{self.normal}:leases",
            f"{self.normal}:delayed",
            f"{self.normal}:history",
            self._dead,
            f"{self._dead}:ids",
            self._overflown,
            f"{self._overflown}:ids",
        )
        """In the order in which the script wants them."""

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._name

    @property
    def now(self) -> str | Seconds:
        """The time for the script; empty where it is to ask the server."""
        return "" if self._clock is None else self._clock()

    def put_words(self, entries: Sequence[Entry]) -> Words:
        """Return the script's arguments for putting *entries*, each id once."""
        return [*self._rules(), len(entries), *words_of(entries)]

    def put_report(self, entries: Sequence[Entry], reply: Sequence[Any]) -> PutReport:
        """Return what the script says about *entries*, each id once."""
        room, *crowded = reply
        if not crowded:
            return PutReport((QueueAddResult.SUCCESS,) * len(entries))
        evicted, is_held = crowded
        results = answers(
            [held == 1 for held in is_held],
            room=room,
            evicted=len(evicted),
            policy=self._overflow,
        )
        return PutReport(results, tuple(entry_of(*words) for words in evicted))

    def put_in(self, client: redis.Redis, entries: Sequence[Entry]) -> PutReport:
        """Store *entries*; those that the queue holds already stay as they are."""
        once = once_each(entries)
        report = PutReport(())
        for portion in _portions(once):
            reply = self._run(client, "put", *self.put_words(portion))
            report = _joined(report, self.put_report(portion, reply))
        return spread(report, once, entries)

    def look_in(
        self,
        client: redis.Redis,
        limit: int,
        duration: Seconds,
        *,
        token: str,
        unseen: Sequence[str] = (),
    ) -> Look:
        """Lease up to *limit* ready entries, redelivered ones first, then by priority and age.

        Args:
            client: The connection.
            limit: How many at most.
            duration: How long the leases hold.
            token: Distinguishes this call.
            unseen: The tokens of calls whose answers were lost: what they leased is given back.
        """
        words = (self._consumer, max(0, limit), duration, token, *unseen)
        vanished, entries, pasts, *empty = self._run(client, "take", *words)
        if not empty:
            return Look(leases_of(self._name, entries, pasts), vanished)
        next_due, *last_ids = empty
        fast, normal = last_ids
        return Look((), vanished, float(next_due or math.inf), (fast, normal))

    def wait_in(self, client: redis.Redis, last_ids: tuple[str, str], block: Seconds) -> None:
        """Wait until something is put after *last_ids*, for at most *block*; takes nothing."""
        fast, normal = last_ids
        milliseconds = max(1, math.ceil(block * 1000))
        client.xread({self.fast: fast, self.normal: normal}, count=1, block=milliseconds)

    def settle_in(self, client: redis.Redis, settlements: Sequence[Settlement]) -> list[Lease]:
        """End leases; return those that were lost and so did not change."""
        lost = self._run(client, "settle", *settle_words(settlements))
        return lost_among(settlements, lost)

    def reclaim_in(self, client: redis.Redis) -> int:
        """Make ready, in front, whatever the consumer has leased; return how many."""
        return int(self._run(client, "reclaim", self._consumer, LONGEST_DELAY))

    def rescue_in(self, client: redis.Redis, idle: Seconds) -> int:
        """Make ready what somebody has had for *idle* without a lease; return how many.

        Such is what a person read from the group by hand.
        """
        return int(self._run(client, "rescue", round(idle)))

    def begin_in(self, client: redis.Redis, lease: Lease) -> bool:
        """Count a handler's beginning; return False if the entry is another's."""
        return bool(self._run(client, "begin", lease.token, lease.finished_tries))

    def extend_in(self, client: redis.Redis, leases: Sequence[Lease], duration: Seconds) -> None:
        """Let *leases* hold for *duration* from now; lost ones are passed over."""
        self._run(client, "extend", duration, *(lease.token for lease in leases))

    def clear_in(self, client: redis.Redis) -> int:
        """Delete a portion of what is not leased; return how many entries that were."""
        return int(self._run(client, "clear", PORTION))

    def stats_in(self, client: redis.Redis) -> QueueStats:
        """Count what is there."""
        ready, leased, delayed, dead, age = self._run(client, "stats")
        oldest_age = float(age) if age else None
        return QueueStats(ready, leased, delayed, dead, self._capacity, oldest_age)

    def peek_in(self, client: redis.Redis, limit: int) -> list[Entry]:
        """Return the ready entries in the order in which they would be leased."""
        return [entry_of(*words) for words in self._run(client, "peek", limit)]

    def dead_letters_in(self, client: redis.Redis, limit: int) -> list[DeadLetter]:
        """Return the latest dead letters."""
        with client.pipeline() as both:
            both.xrevrange(self._dead, count=limit)
            both.xrevrange(self._overflown, count=limit)
            dead, overflown = both.execute()
        letters = [
            dead_letter_of(self._name, list_, fields)
            for list_, found in ((self._dlq, dead), (self._dlq_overflow, overflown))
            for _, fields in found
        ]
        return sorted(letters, key=lambda letter: letter.died_at, reverse=True)[:limit]

    def dead_ids_in(
        self, client: redis.Redis, *, among: Sequence[str] | None, reason: str | None, limit: int
    ) -> list[str]:
        """Return the ids of up to *limit* dead letters as they died.

        Args:
            client: The connection.
            among: Only of these; None for all.
            reason: Only those whose last error has this in it.
            limit: How many at most.
        """
        wanted = None if among is None else set(among)
        dying = merge(_all_of(client, self._dead), _all_of(client, self._overflown), key=_died_at)
        chosen = (
            fields["id"]
            for fields in dying
            if (wanted is None or fields["id"] in wanted)
            and (reason is None or reason in fields["error"])
        )
        return list(dict.fromkeys(islice(chosen, limit)))

    def requeue_in(self, client: redis.Redis, ids: Sequence[str]) -> PutReport:
        """Put dead letters again; those that are rejected stay dead letters."""
        report = PutReport(())
        for portion in _portions(list(dict.fromkeys(ids))):
            known, reply = self._run(client, "requeue", *self._rules(), *portion)
            entries = [Entry(id_, {}) for id_ in known]
            report = _joined(report, self.put_report(entries, reply))
        return report

    def discard_in(self, client: redis.Redis, ids: Sequence[str]) -> int:
        """Delete dead letters; return how many."""
        portions = _portions(list(dict.fromkeys(ids)))
        return sum(int(self._run(client, "discard", *portion)) for portion in portions)

    def mend_in(self, client: redis.Redis) -> bool:
        """Make the consumer groups where they are missing; tell whether one was."""
        return bool(self._run(client, "mend"))

    def _rules(self) -> Words:
        is_kept = self._overflow is QueueOverflowPolicy.DLQ
        return [self._capacity, self._overflow.value, OVERFLOW_ERROR if is_kept else ""]

    def _run(self, client: redis.Redis, operation: str, *words: Any) -> Any:
        return run_script(client, self.keys, [operation, self.now, *words])


def once_each(entries: Sequence[Entry]) -> list[Entry]:
    """Return *entries* without those whose id has come before."""
    first = {entry.id: entry for entry in reversed(entries)}
    return [first[id_] for id_ in dict.fromkeys(entry.id for entry in entries)]


def spread(report: PutReport, once: Sequence[Entry], entries: Sequence[Entry]) -> PutReport:
    """Return the report about *once* as one about all *entries*, some of which are the same."""
    if len(once) == len(entries):
        return report
    by_id = {entry.id: result for entry, result in zip(once, report.results, strict=True)}
    return PutReport(tuple(by_id[entry.id] for entry in entries), report.evicted)


def lost_among(settlements: Sequence[Settlement], tokens: Iterable[str]) -> list[Lease]:
    """Return the leases that the script calls lost, in the order in which they were given."""
    lost = set(tokens)
    if not lost:
        return []
    return [item.lease for item in settlements if item.lease.token in lost]


def _portions(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), PORTION):
        yield things[start : start + PORTION]


def _joined(first: PutReport, second: PutReport) -> PutReport:
    return PutReport(first.results + second.results, first.evicted + second.evicted)


def _all_of(client: redis.Redis, stream: str) -> Iterator[dict[str, str]]:
    after = "-"
    while found := cast("_Found", client.xrange(stream, after, count=PORTION)):
        yield from (fields for _, fields in found)
        after = f"({found[-1][0]}"


def _died_at(fields: dict[str, str]) -> float:
    return float(fields["died_at"])
