"""The daemon with a fault put in, so that `benchmarks.crash` can show that it would find one.

`python -m benchmarks._broken_daemon FAULT run --config FILE`. Two faults, both of the kind that no
run without a crash ever shows:

- `acks-first`: the acknowledgements of a group are durable before its writes and puts. The system
  heals it: what the ledger holds unfinished and no queue has is put back at the next start.
- `states-first`: an upload's new state and its acknowledgement are durable before its detections.
  Nothing heals that: the ledger says that the detector has looked, and what it saw is gone.

No setting leads here. The moment between the two commits is stretched, so that few kills find it.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import trio
from sqlalchemy import Connection, delete, func, insert, select

from hsid.cli.hsid import main
from hsid.queues import consumer
from hsid.queues.committer import Committer
from hsid.queues.completion import Completer, Completion, Outcome, Write
from hsid.store.schema import detections

GAP_S = 0.1
"""How long the second half of a group waits after the first is durable."""

_Held: TypeAlias = dict[int, list[dict[str, Any]]]
"""Detections by upload."""


@dataclass(frozen=True, slots=True)
class AcksFirst:
    """Carries out through *completer* the acknowledgements first, and all else when they stand."""

    completer: Completer

    async def complete(self, completions: Sequence[Completion]) -> Sequence[Outcome]:
        """Complete in the wrong order; see `Completer`."""
        await self.completer.complete([Completion(acks=one.acks) for one in completions])
        await trio.sleep(GAP_S)
        return await self.completer.complete([replace(one, acks=()) for one in completions])


@dataclass(frozen=True, slots=True)
class StatesFirst:
    """Carries out through *completer* all but the detections, and those when the rest stands."""

    completer: Completer

    async def complete(self, completions: Sequence[Completion]) -> Sequence[Outcome]:
        """Complete in the wrong order; see `Completer`."""
        held: _Held = {}
        outcomes = await self.completer.complete([_stripped(one, held) for one in completions])
        await trio.sleep(GAP_S)
        late = [Completion((partial(_store, rows),)) for rows in held.values()]
        await self.completer.complete(late)
        return outcomes


FAULTS: dict[str, Callable[[Completer], Completer]] = {
    "acks-first": AcksFirst,
    "states-first": StatesFirst,
}


def put_in(fault: str) -> None:
    """Have every consumer that is made from now on complete as *fault* does."""

    def faulty(completer: Completer, **rules: Any) -> Committer:
        return Committer(FAULTS[fault](completer), **rules)

    setattr(consumer, Committer.__name__, faulty)


def _stripped(completion: Completion, held: _Held) -> Completion:
    writes = tuple(partial(_without_detections, write, held) for write in completion.writes)
    return replace(completion, writes=writes)


def _without_detections(write: Write, held: _Held, connection: Connection) -> bool:
    """Carry *write* out, and take the detections that it stored out again, into *held*."""
    last = connection.scalar(select(func.max(detections.c.id))) or 0
    is_due = write(connection)
    taken = delete(detections).where(detections.c.id > last).returning(detections)
    rows = [dict(row) for row in connection.execute(taken).mappings()]
    if rows:
        held[rows[0]["upload_id"]] = rows
    return is_due


def _store(rows: list[dict[str, Any]], connection: Connection) -> bool:
    """Store *rows* under new ids: others may have their old ones by now."""
    new = [{name: value for name, value in row.items() if name != "id"} for row in rows]
    connection.execute(insert(detections), new)
    return True


if __name__ == "__main__":
    put_in(sys.argv.pop(1))
    main()
