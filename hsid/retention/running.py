"""What all steps of a sweep share: where to read and write, whether to, and whom to tell."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import trio
from sqlalchemy import Connection

from hsid.media.names import Origin
from hsid.retention.disk import Places
from hsid.retention.work import Item, Kind, origin_of_item

T = TypeVar("T")


class Database(Protocol):
    """Where to read and write: a `Store`, or what stands in for it where nothing is written."""

    async def read(self, call: Callable[[Connection], T]) -> T:
        """Return what *call* makes of a snapshot."""
        ...

    async def write(self, call: Callable[[Connection], T]) -> T:
        """Run *call* in a transaction."""
        ...


@dataclass(slots=True)
class Running:
    """A sweep under way. *breathe* is called between two portions; False ends the sweep."""

    database: Database
    places: Places
    is_dry_run: bool
    report: Callable[[Item], None]
    breathe: Callable[[], Awaitable[bool]]
    counts: Counter[Kind] = field(default_factory=Counter)
    is_complete: bool = True
    missing: int = 0
    """The bytes that were to go for room, and for which nothing was found that may."""
    gone: set[Origin] = field(default_factory=set)
    """Of a dry run: the uploads and batches that would be gone from the store by now."""

    async def may_go_on(self) -> bool:
        """Pause; tell whether to go on with the next portion."""
        self.is_complete = self.is_complete and await self.breathe()
        return self.is_complete

    def tell(self, items: Iterable[Item]) -> None:
        """Count and report what has gone, or would go."""
        for item in items:
            self.counts[item.kind] += item.count
            origin = origin_of_item(item)
            if self.is_dry_run and origin is not None:
                self.gone.add(origin)
            self.report(item)


async def in_thread(call: Callable[[], T]) -> T:
    """Return what the blocking *call* returns; it is left to itself on cancellation."""
    return await trio.to_thread.run_sync(call, abandon_on_cancel=True)
