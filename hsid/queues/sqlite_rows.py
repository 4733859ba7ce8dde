"""Entries, leases and dead letters as rows of the store, and back."""

import json
from datetime import UTC, datetime
from typing import Any, TypeAlias

from hsid.queues.dead_letters import origin_from
from hsid.queues.protocol import DeadLetter, Entry, Priority

Row: TypeAlias = dict[str, Any]

_RANKS = {Priority.FAST: 0, Priority.NORMAL: 1}
_PRIORITIES = tuple(_RANKS)


def row_of(entry: Entry) -> Row:
    """Return the columns of *entry*; raise `TypeError` if its payload has no JSON form."""
    payload = json.dumps(dict(entry.payload), separators=(",", ":"))
    return {"id": entry.id, "payload": payload, "rank": _RANKS[entry.priority]}


def entry_of(row: Any) -> Entry:
    """Return the entry that *row* holds."""
    return entry_from(row.id, row.payload, row.rank)


def entry_from(id_: str, payload: str, rank: int) -> Entry:
    """Return the entry with these columns. A redelivered one has its rank less two."""
    return Entry(id_, json.loads(payload), _PRIORITIES[rank % 2])


def dead_letter_of(row: Any) -> DeadLetter:
    """Return the dead letter that *row* holds.

    The column of its error holds more in the lines below: its origin, and then the traceback.
    """
    error, _, below = row.error.partition("\n")
    origin, _, traceback = below.partition("\n")
    return DeadLetter(
        entry=entry_of(row),
        queue=row.queue,
        error=error,
        first_error=row.first_error,
        begun=row.begun,
        enqueued_at=datetime.fromtimestamp(row.enqueued_at, UTC),
        died_at=datetime.fromtimestamp(row.died_at, UTC),
        traceback=traceback,
        origin=origin_from(origin),
    )
