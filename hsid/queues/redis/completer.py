"""Completions whose queues live on one Redis server: writes, then puts and settlements in one step.

So between a put and its acknowledgement there is no moment at which anything could fail.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import redis

from hsid.queues.completer import OrderedCompleter, Work
from hsid.queues.protocol import Entry, Lease, PutReport
from hsid.queues.redis.entries import lost_among, once_each, spread
from hsid.queues.redis.errors import RedisGroupMissingError
from hsid.queues.redis.queue import RedisQueue
from hsid.queues.redis.script import run_script
from hsid.queues.redis.words import Words, settle_words
from hsid.store.store import Store


class RedisCompleter(OrderedCompleter):
    """For *queues* on the same server, and a *store* elsewhere; None where nothing is written."""

    def __init__(self, store: Store | None, queues: Iterable[RedisQueue]) -> None:
        queues = list(queues)
        super().__init__(store, queues)
        self._on_server = {queue.name: queue for queue in queues}

    async def _carry_out(self, work: Work) -> None:
        queues = [self._on_server[name] for name in dict.fromkeys((*work.puts, *work.settlements))]
        if not queues:
            return
        step = _Step(queues, work)
        try:
            done = await queues[0].run_writing(step.carry_out)
        except RedisGroupMissingError:
            for queue in queues:
                await queue.mend()
            done = await queues[0].run_writing(step.carry_out)
        work.reports, work.lost = done
        for name, settlements in work.settlements.items():
            self._on_server[name].hint_at(settlements)


class _Step:
    """The puts and settlements of *work* as one call of the script."""

    def __init__(self, queues: list[RedisQueue], work: Work) -> None:
        self._entries = {queue.name: queue.entries for queue in queues}
        self._work = work
        self._once: dict[str, list[Entry]] = {
            name: once_each(entries) for name, entries in work.puts.items()
        }

    def carry_out(self, client: redis.Redis) -> tuple[dict[str, PutReport], list[Lease]]:
        """Do it on the connection of *client*; return the reports by queue, and what was lost."""
        keys = [key for entries in self._entries.values() for key in entries.keys]
        now = next(iter(self._entries.values())).now
        replies, tokens = run_script(client, keys, ["complete", now, *self._words()])
        reports = {
            name: self._report(name, reply)
            for name, reply in zip(self._work.puts, replies, strict=True)
        }
        lost = [
            lease
            for settlements, gone in zip(self._work.settlements.values(), tokens, strict=True)
            for lease in lost_among(settlements, gone)
        ]
        return reports, lost

    def _report(self, name: str, reply: Sequence[Any]) -> PutReport:
        once = self._once[name]
        report = self._entries[name].put_report(once, reply)
        return spread(report, once, self._work.puts[name])

    def _words(self) -> Words:
        number = {name: place for place, name in enumerate(self._entries, 1)}
        words: Words = [len(self._once)]
        for name, once in self._once.items():
            words += [number[name], *self._entries[name].put_words(once)]
        words.append(len(self._work.settlements))
        for name, settlements in self._work.settlements.items():
            words += [number[name], *settle_words(settlements)]
        return words
