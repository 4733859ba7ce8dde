"""A queue as rows of the store: what can be done to it inside somebody's transaction.

Plain functions over a connection, for the writing thread; nothing here is durable before that
transaction commits. Whoever puts or settles this way calls `SqliteQueue.wake` after the commit.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, TypeAlias, assert_never

from sqlalchemy import Connection, CursorResult

from hsid.constants import get_dlq_name, get_dlq_overflow_name
from hsid.model import Seconds
from hsid.queues import sqlite_statements as sql
from hsid.queues.clock import Clock, SteadyClock
from hsid.queues.dead_letters import in_one_line, origin_from, origin_text
from hsid.queues.overflow import OVERFLOW_ERROR, answers, wanted_evictions
from hsid.queues.protocol import (
    LONGEST_DELAY,
    Ack,
    Bury,
    DeadLetter,
    Entry,
    Lease,
    LeaseLostError,
    Origin,
    PutReport,
    QueueAddResult,
    QueueOverflowPolicy,
    QueueStats,
    Release,
    Retry,
    Settlement,
)
from hsid.queues.sqlite_rows import Row, dead_letter_of, entry_from, entry_of, row_of
from hsid.store.columns import clean

Parameters: TypeAlias = dict[str, Any]


class SqliteEntries:
    """The entries of the queue *name*.

    Args:
        name: The queue's name.
        capacity: How many unsettled entries it holds; those that are put beyond meet *overflow*.
        overflow: What a full queue does.
        clock: Seconds since 1970; must not jump.
    """

    def __init__(
        self,
        name: str,
        *,
        capacity: int,
        overflow: QueueOverflowPolicy = QueueOverflowPolicy.REJECT,
        clock: Clock | None = None,
    ) -> None:
        self._name = name
        self._capacity = capacity
        self._overflow = overflow
        self._clock = clock or SteadyClock()

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._name

    def put_in(self, connection: Connection, entries: Sequence[Entry]) -> PutReport:
        """Store *entries*; those that the queue holds already stay as they are."""
        return self.put_rows_in(connection, [row_of(entry) for entry in entries])

    def put_rows_in(self, connection: Connection, rows: Sequence[Row]) -> PutReport:
        """Store entries that `row_of` has encoded."""
        depth = self._run(connection, sql.DEPTH).scalar_one()
        if depth + len(rows) <= self._capacity:
            self._insert(connection, rows)
            return PutReport((QueueAddResult.SUCCESS,) * len(rows))
        return self._put_crowded(connection, rows, max(0, self._capacity - depth))

    def lease_in(self, connection: Connection, limit: int, duration: Seconds) -> list[Lease]:
        """Take up to *limit* ready entries, redelivered ones first, then by priority and age."""
        now = self._clock()
        self._run(connection, sql.WAKE_DUE, now=now)
        token = secrets.token_hex(8)
        rows = self._run(connection, sql.LEASE, limit=limit, due=now + duration, token=token)
        in_order: list[Any] = sorted(rows, key=itemgetter(0, 1))
        return [
            Lease(
                self._name,
                entry_from(id_, payload, rank),
                token,
                begun,
                is_redelivered=rank < 0,
                origin=None if origin is None else origin_from(origin),
            )
            for rank, _, id_, payload, begun, origin in in_order
        ]

    def next_due_in(self, connection: Connection) -> Seconds | None:
        """Return how long it is until an entry becomes ready by itself."""
        due = self._run(connection, sql.NEXT_DUE).scalar_one()
        return None if due is None else max(0.0, due - self._clock())

    def reclaim_in(self, connection: Connection) -> int:
        """Make ready, in front, whatever is leased; return how many."""
        latest = self._clock() + LONGEST_DELAY
        self._run(connection, sql.CUT_DELAYS, latest=latest)
        return self._run(connection, sql.RECLAIM).rowcount

    def begin_in(self, connection: Connection, lease: Lease) -> Lease:
        """Count a handler's beginning; raise `LeaseLostError` if the entry is another's."""
        begun = lease.finished_tries
        changed = self._run(connection, sql.BEGIN, **_key(lease), begun=begun).rowcount
        if not changed:
            raise LeaseLostError([lease])
        return replace(lease, begun=begun, is_begun=True)

    def extend_in(self, connection: Connection, leases: Iterable[Lease], duration: Seconds) -> None:
        """Let *leases* hold for *duration* from now; lost ones are passed over."""
        due = self._clock() + duration
        self._run_many(connection, sql.EXTEND, [_key(lease) | {"due": due} for lease in leases])

    def settle_in(self, connection: Connection, settlements: Sequence[Settlement]) -> list[Lease]:
        """End leases; return those that were lost and so did not change."""
        acked = [item.lease for item in settlements if isinstance(item, Ack)]
        held = self._named_in(connection, sql.DELETE_LEASED, acked)
        others = [item for item in settlements if not isinstance(item, Ack)]
        if others:
            held |= self._named_in(connection, sql.STILL_LEASED, [item.lease for item in others])
            for statement, many in self._grouped(others).items():
                self._run_many(connection, statement, many)
        leases = (item.lease for item in settlements)
        return [lease for lease in leases if (lease.entry.id, lease.token) not in held]

    def requeue_in(
        self, connection: Connection, ids: Sequence[str] | None, reason: str | None, limit: int
    ) -> PutReport:
        """Put dead letters again; those that are rejected stay dead letters."""
        if ids is None or reason is not None:
            ids = self._dead_ids(connection, ids, reason, limit)
        rows = self._run(connection, sql.DEAD_BY_ID, ids=json.dumps(ids), **self._lists()).all()
        letters = {row.id: dead_letter_of(row) for row in rows}
        wanted = [letters[id_] for id_ in dict.fromkeys(ids) if id_ in letters][:limit]
        held = self._held(connection, [letter.entry.id for letter in wanted])
        report = self.put_in(connection, [letter.entry for letter in wanted])
        stored = [
            letter
            for letter, result in zip(wanted, report.results, strict=True)
            if result.is_stored
        ]
        origins = [
            {"id": letter.entry.id, "origin": origin_text(Origin(letter.queue, letter.died_at))}
            for letter in stored
            if letter.entry.id not in held
        ]
        self._run_many(connection, sql.MARK_ORIGIN, origins)
        gone = json.dumps([letter.entry.id for letter in stored])
        self._run(connection, sql.FORGET_DEAD, ids=gone, **self._lists())
        return report

    def discard_in(self, connection: Connection, ids: Sequence[str]) -> int:
        """Delete dead letters; return how many."""
        gone = self._run(connection, sql.FORGET_DEAD, ids=json.dumps(ids), **self._lists())
        return gone.rowcount

    def clear_in(self, connection: Connection) -> int:
        """Delete all that is not leased; return how many."""
        return self._run(connection, sql.CLEAR).rowcount

    def stats_in(self, connection: Connection) -> QueueStats:
        """Count what is there."""
        now = self._clock()
        row = self._run(connection, sql.STATS, now=now, **self._lists()).one()
        age = None if row.oldest is None else max(0.0, now - row.oldest)
        return QueueStats(row.ready, row.leased, row.delayed, row.dead, self._capacity, age)

    def peek_in(self, connection: Connection, limit: int) -> list[Entry]:
        """Return the ready entries in the order in which they would be leased."""
        rows = self._run(connection, sql.PEEK, now=self._clock(), limit=limit)
        return [entry_of(row) for row in rows]

    def dead_letters_in(self, connection: Connection, limit: int) -> list[DeadLetter]:
        """Return the latest dead letters."""
        rows = self._run(connection, sql.DEAD_LETTERS, limit=limit, **self._lists())
        return [dead_letter_of(row) for row in rows]

    def _put_crowded(self, connection: Connection, rows: Sequence[Row], room: int) -> PutReport:
        ids = list(dict.fromkeys(row["id"] for row in rows))
        held = self._held(connection, ids)
        new = {row["id"]: row for row in reversed(rows) if row["id"] not in held}
        evicted = self._evict(connection, wanted_evictions(len(new) - room, self._overflow))
        order = [id_ for id_ in ids if id_ in new]
        self._insert(connection, [new[id_] for id_ in order[: room + len(evicted)]])
        results = answers(
            [id_ in held for id_ in ids], room=room, evicted=len(evicted), policy=self._overflow
        )
        by_id = dict(zip(ids, results, strict=True))
        return PutReport(tuple(by_id[row["id"]] for row in rows), tuple(evicted))

    def _held(self, connection: Connection, ids: Sequence[str]) -> set[str]:
        return set(self._run(connection, sql.HELD, ids=json.dumps(ids)).scalars())

    def _dead_ids(
        self, connection: Connection, ids: Sequence[str] | None, reason: str | None, limit: int
    ) -> list[str]:
        given = None if ids is None else json.dumps(ids)
        found = self._run(
            connection, sql.DEAD_IDS, ids=given, reason=reason, limit=limit, **self._lists()
        )
        return list(found.scalars())

    def _evict(self, connection: Connection, count: int) -> list[Entry]:
        if count <= 0:
            return []
        now = self._clock()
        self._run(connection, sql.WAKE_DUE, now=now)
        if self._overflow is QueueOverflowPolicy.DLQ:
            dlq = get_dlq_overflow_name(self._name)
            self._run(
                connection, sql.BURY_OLDEST, limit=count, dlq=dlq, error=OVERFLOW_ERROR, now=now
            )
        rows = self._run(connection, sql.DELETE_OLDEST, limit=count).all()
        return [entry_of(row) for row in rows]

    def _insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        now = self._clock()
        self._run_many(connection, sql.PUT, [row | {"now": now} for row in rows])

    def _named_in(
        self, connection: Connection, statement: str, leases: Sequence[Lease]
    ) -> set[tuple[str, str]]:
        """Return id and token of those of *leases* that *statement* finds held."""
        if not leases:
            return set()
        given = json.dumps([(lease.entry.id, lease.token) for lease in leases])
        rows: list[Any] = list(self._run(connection, statement, given=given))
        return {(id_, token) for id_, token in rows}

    def _grouped(
        self, settlements: Sequence[Release | Retry | Bury]
    ) -> dict[str, list[Parameters]]:
        """Return the parameters for each statement; burying comes before deleting."""
        grouped: dict[str, list[Parameters]] = {
            sql.BURY: [],
            sql.DELETE: [],
            sql.RELEASE: [],
            sql.RETRY: [],
        }
        for item in settlements:
            key = _key(item.lease)
            match item:
                case Bury(lease, error, traceback):
                    grouped[sql.BURY].append(key | self._burial(lease, error, traceback))
                    grouped[sql.DELETE].append(key)
                case Release(lease, delay):
                    back = {"due": self._due(delay), "begun": lease.earlier_tries}
                    grouped[sql.RELEASE].append(key | back)
                case Retry(lease, delay, error):
                    back = {"due": self._due(delay), "begun": lease.finished_tries}
                    grouped[sql.RETRY].append(key | back | {"error": in_one_line(error)})
                case _:
                    assert_never(item)
        return grouped

    def _burial(self, lease: Lease, error: str, traceback: str) -> Parameters:
        return {
            "dlq": get_dlq_name(self._name),
            "error": in_one_line(error),
            "traceback": clean(traceback),
            "begun": lease.finished_tries,
            "now": self._clock(),
        }

    def _due(self, delay: Seconds) -> Seconds | None:
        return self._clock() + min(delay, LONGEST_DELAY) if delay > 0 else None

    def _lists(self) -> Parameters:
        return {"dlq": get_dlq_name(self._name), "overflow": get_dlq_overflow_name(self._name)}

    def _run(self, connection: Connection, statement: str, **parameters: Any) -> CursorResult[Any]:
        return connection.exec_driver_sql(statement, {"queue": self._name, **parameters})

    def _run_many(self, connection: Connection, statement: str, many: Sequence[Parameters]) -> None:
        if many:
            queue = {"queue": self._name}
            connection.exec_driver_sql(statement, [each | queue for each in many])


def _key(lease: Lease) -> Parameters:
    return {"id": lease.entry.id, "token": lease.token}
