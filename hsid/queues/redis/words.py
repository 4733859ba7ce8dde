"""The queue's records in the words of its script, and back. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, TypeAlias, assert_never

from hsid.constants import get_dlq_name, get_dlq_overflow_name
from hsid.model import Seconds
from hsid.queues.dead_letters import in_one_line
from hsid.queues.protocol import (
    LONGEST_DELAY,
    Ack,
    Bury,
    DeadLetter,
    Entry,
    Lease,
    Origin,
    Priority,
    Release,
    Retry,
    Settlement,
)
from hsid.store.columns import clean

Words: TypeAlias = list[Any]
"""Arguments of the script."""

_LETTERS = {Priority.FAST: "f", Priority.NORMAL: "n"}
_PRIORITIES = {letter: priority for priority, letter in _LETTERS.items()}


def payload_of(entry: Entry) -> str:
    """Return the payload of *entry* as text; raise `TypeError` if it has no JSON form."""
    return json.dumps(dict(entry.payload), separators=(",", ":"))


def words_of(entries: Iterable[Entry]) -> Words:
    """Return *entries* as the script wants them."""
    triples = ((entry.id, _LETTERS[entry.priority], payload_of(entry)) for entry in entries)
    return list(chain.from_iterable(triples))


def entry_of(id_: str, letter: str, payload: str) -> Entry:
    """Return the entry that the script means."""
    return Entry(id_, json.loads(payload), _PRIORITIES[letter])


def leases_of(queue: str, entries: Sequence[str], pasts: Iterable[Sequence[Any]]) -> list[Lease]:
    """Return what the script has leased; a token begins with the letter of its stream."""
    past_of = {place: past for place, *past in pasts}
    leases = []
    for place, (token, id_, payload) in enumerate(
        zip(entries[::3], entries[1::3], entries[2::3], strict=True)
    ):
        begun, is_redelivered, origin = past_of.get(place, (0, 0, ""))
        entry = entry_of(id_, token[0], payload)
        lease = Lease(
            queue, entry, token, int(begun), bool(is_redelivered), origin=origin_of(queue, origin)
        )
        leases.append(lease)
    return leases


def settle_words(settlements: Sequence[Settlement]) -> Words:
    """Return *settlements* as the script wants them."""
    acknowledged = [item.lease for item in settlements if isinstance(item, Ack)]
    others = [_other(item) for item in settlements if not isinstance(item, Ack)]
    pairs = ((lease.token, lease.entry.id) for lease in acknowledged)
    return [len(acknowledged), *chain.from_iterable(pairs), json.dumps(others)]


def _other(item: Release | Retry | Bury) -> dict[str, Any]:
    lease = item.lease
    common = {"member": lease.token, "id": lease.entry.id}
    match item:
        case Release(_, delay):
            return common | {
                "begun": lease.earlier_tries,
                "delay": _bounded(delay),
                "is_redelivered": lease.is_redelivered,
            }
        case Retry(_, delay, error):
            # A handler that failed in the ordinary way has shown that the entry kills nobody.
            return common | {
                "begun": lease.finished_tries,
                "delay": _bounded(delay),
                "error": in_one_line(error),
            }
        case Bury(_, error, traceback):
            return common | {
                "is_dead": True,
                "begun": lease.finished_tries,
                "error": in_one_line(error),
                "traceback": clean(traceback),
            }
        case _:
            assert_never(item)


def dead_letter_of(queue: str, list_: str, fields: Mapping[str, str]) -> DeadLetter:
    """Return the dead letter of *queue* that the stream *list_* holds as *fields*."""
    return DeadLetter(
        entry=entry_of(fields["id"], fields["priority"], fields["payload"]),
        queue=list_,
        error=fields["error"],
        first_error=fields["first_error"] or None,
        begun=int(fields["begun"]),
        enqueued_at=_moment(fields["enqueued_at"]),
        died_at=_moment(fields["died_at"]),
        traceback=fields["traceback"],
        origin=origin_of(queue, fields["origin"]),
    )


def origin_of(queue: str, words: str) -> Origin | None:
    """Return what the script remembers of the dead letter that an entry was, if it was one."""
    if not words:
        return None
    kind, died_at = words.split()
    list_ = get_dlq_name(queue) if kind == "dlq" else get_dlq_overflow_name(queue)
    return Origin(list_, _moment(died_at))


def _bounded(delay: Seconds) -> Seconds:
    return max(0.0, min(delay, LONGEST_DELAY))


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
