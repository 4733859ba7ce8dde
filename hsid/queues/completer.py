"""Carrying completions out: in one transaction where queue and store are one, in order elsewhere.

Whatever happens, a completion's acknowledgements are never durable without its writes and puts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeVar

import structlog
import trio
from sqlalchemy import Connection

from hsid.queues.completion import Completion, Outcome
from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import (
    DurableQueue,
    Entry,
    Lease,
    PutReport,
    Settlement,
)
from hsid.queues.sqlite import SqliteQueue, reaching_the_store
from hsid.store.errors import StoreError
from hsid.store.store import Store

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class EmbeddedCompleter:
    """For queues that live in *store*: a group of completions is one transaction."""

    def __init__(self, store: Store, queues: Iterable[SqliteQueue]) -> None:
        self._store = store
        self._queues = {queue.name: queue for queue in queues}

    async def complete(self, completions: Sequence[Completion]) -> Sequence[Outcome]:
        """Make *completions* durable in one commit; see `Completer`."""
        if not completions:
            return ()
        with reaching_the_store():
            outcomes = await self._commit(completions)
        for queue in self._queues.values():
            queue.wake()
        _report_lost(outcomes)
        return outcomes

    async def _commit(self, completions: Sequence[Completion]) -> Sequence[Outcome]:
        try:
            return await self._store.write(partial(self.complete_in, completions=completions))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one of them is to blame; it is told in its outcome
            _log.debug("completions_retried_singly", count=len(completions), error=repr(error))
        results = await self._store.write_group(
            [partial(self.complete_in, completions=[one]) for one in completions]
        )
        return [
            Outcome(error=result) if isinstance(result, Exception) else result[0]
            for result in _without_faults(results)
        ]

    def complete_in(
        self, connection: Connection, completions: Sequence[Completion]
    ) -> list[Outcome]:
        """Carry *completions* out on *connection*: all of them, or none if this raises."""
        work = Work(completions)
        for index, completion in enumerate(completions):
            work.is_discarded[index] = not _write_in(connection, completion)
        for name, entries in work.puts.items():
            work.reports[name] = self._queues[name].put_in(connection, entries)
        for name, settlements in work.settlements.items():
            work.lost.extend(self._queues[name].settle_in(connection, settlements))
        return work.outcomes()


class OrderedCompleter:
    """For queues beside the store: writes, then puts, then acknowledgements, each as one group.

    A crash between two of them leaves the acknowledgement undone: the entry comes again, its
    writes find that they are not due, and its puts find their entries there.

    Args:
        store: Where the writes go; None where completions never have any.
        queues: All queues that completions name.
    """

    def __init__(self, store: Store | None, queues: Iterable[DurableQueue]) -> None:
        self._store = store
        self._queues = {queue.name: queue for queue in queues}

    async def complete(self, completions: Sequence[Completion]) -> Sequence[Outcome]:
        """Make *completions* durable; see `Completer`."""
        with reaching_the_store():
            written = await self._write(completions)
        done = [pair for pair in zip(completions, written, strict=True) if _is_done(pair[1])]
        work = Work([completion for completion, _ in done])
        work.is_discarded = [is_due is False for _, is_due in done]
        await self._carry_out(work)
        finished = iter(work.outcomes())
        outcomes = [
            Outcome(error=result) if isinstance(result, Exception) else next(finished)
            for result in written
        ]
        _report_lost(outcomes)
        return outcomes

    async def _carry_out(self, work: "Work") -> None:
        """Make the puts and then the settlements of *work* durable."""
        for name, entries in work.puts.items():
            work.reports[name] = await self._queues[name].put(entries)
        for name, settlements in work.settlements.items():
            work.lost.extend(await self._queues[name].settle(settlements))

    async def _write(self, completions: Sequence[Completion]) -> Sequence[bool | Exception]:
        calls = [partial(_write_in, completion=one) for one in completions if one.writes]
        if not calls:
            return [True] * len(completions)
        if self._store is None:
            raise ValueError("completions with writes need a store")
        results = iter(_without_faults(await self._store.write_group(calls)))
        return [next(results) if completion.writes else True for completion in completions]


class MemoryCompleter(OrderedCompleter):
    """For queues in memory: puts and settlements are one step there."""

    def __init__(self, store: Store | None, queues: Iterable[MemoryQueue]) -> None:
        queues = list(queues)
        super().__init__(store, queues)
        self._memories = {queue.name: queue for queue in queues}

    async def _carry_out(self, work: "Work") -> None:
        await trio.lowlevel.checkpoint()
        for name, entries in work.puts.items():
            work.reports[name] = self._memories[name].put_nowait(entries)
        for name, settlements in work.settlements.items():
            work.lost.extend(self._memories[name].settle_nowait(settlements))


class Work:
    """The puts and settlements of a group by queue, and its outcomes put together again."""

    def __init__(self, completions: Sequence[Completion]) -> None:
        self.puts: dict[str, list[Entry]] = defaultdict(list)
        self.settlements: dict[str, list[Settlement]] = defaultdict(list)
        self.is_discarded = [False] * len(completions)
        self.reports: dict[str, PutReport] = {}
        self.lost: list[Lease] = []
        self._completions = completions
        for completion in completions:
            for put in completion.puts:
                self.puts[put.queue].append(put.entry)
            for item in completion.acks:
                self.settlements[item.lease.queue].append(item)

    def outcomes(self) -> list[Outcome]:
        """Deal what the queues said out to the completions, in order."""
        if not (self.reports or self.lost or any(self.is_discarded)):
            return [Outcome()] * len(self._completions)
        results = {name: iter(report.results) for name, report in self.reports.items()}
        evicted = {name: report.evicted for name, report in self.reports.items()}
        lost = {_key(lease) for lease in self.lost}
        return [
            Outcome(
                is_discarded=is_discarded,
                puts=tuple(next(results[put.queue]) for put in completion.puts),
                evicted=tuple(
                    entry for put in completion.puts for entry in evicted.pop(put.queue, ())
                ),
                lost=tuple(item.lease for item in completion.acks if _key(item.lease) in lost),
            )
            for completion, is_discarded in zip(self._completions, self.is_discarded, strict=True)
        ]


def _write_in(connection: Connection, completion: Completion) -> bool:
    """Make the writes of *completion*, or none of them; return whether they were due.

    Where one raises, it is the caller's transaction that undoes the others.
    """
    if not completion.writes:
        return True
    connection.exec_driver_sql("SAVEPOINT writes")
    is_due = all(write(connection) for write in completion.writes)
    if not is_due:
        connection.exec_driver_sql("ROLLBACK TO writes")
    connection.exec_driver_sql("RELEASE writes")
    return is_due


def _is_done(result: bool | Exception) -> bool:  # noqa: FBT001 - one of a list of results
    return not isinstance(result, Exception)


def _without_faults(results: list[T]) -> list[T]:
    """Return *results*; raise the fault of the store if it hit the group: then it hit all."""
    for result in results:
        if isinstance(result, StoreError):
            raise result
    return results


def _report_lost(outcomes: Iterable[Outcome]) -> None:
    lost = [lease.entry.id for outcome in outcomes for lease in outcome.lost]
    if lost:
        _log.warning("leases_lost", entries=lost)


def _key(lease: Lease) -> tuple[str, str, str]:
    return (lease.queue, lease.entry.id, lease.token)
