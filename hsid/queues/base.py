"""What all queues share: waiting for an entry, and the four ways to end a lease one by one.

A backend says how to take and how to settle; when to look again is decided here, by events and
deadlines, never by polling.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import trio

from hsid.model import Seconds
from hsid.queues.protocol import Ack, Bury, Lease, LeaseLostError, Release, Retry, Settlement


@dataclass(frozen=True, slots=True)
class Taken:
    """What one look at a queue gave, and when the next is worth it if nothing is put meanwhile."""

    leases: Sequence[Lease]
    next_due: Seconds | None = None
    """Until the next retry or the end of a lease, from now; None where there is neither."""


class SettlesOneByOne(ABC):
    """The four ways to end a lease, by `settle`."""

    async def ack(self, leases: Sequence[Lease]) -> None:
        """Remove finished entries."""
        await self._settle_all([Ack(lease) for lease in leases])

    async def release(self, leases: Sequence[Lease]) -> None:
        """Give entries back unhandled."""
        await self._settle_all([Release(lease) for lease in leases])

    async def retry(self, lease: Lease, *, delay: Seconds, error: str) -> None:
        """Count a failed handler and make the entry ready again after *delay*."""
        await self._settle_all([Retry(lease, delay, error)])

    async def dead_letter(self, lease: Lease, *, error: str) -> None:
        """Move the entry to the dead letters."""
        await self._settle_all([Bury(lease, error)])

    @abstractmethod
    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Lease]:
        """End leases, all in one step; return those that were lost and so did not change."""

    async def _settle_all(self, settlements: Sequence[Settlement]) -> None:
        lost = await self.settle(settlements)
        if lost:
            raise LeaseLostError(lost)


class QueueBase(SettlesOneByOne):
    """Half a `DurableQueue`, for those whose changes all come from this process."""

    def __init__(self) -> None:
        self._changed = trio.Event()

    def wake(self) -> None:
        """Have waiting consumers look again; for who put or settled in a transaction of his own.

        Forgetting it costs time only: a consumer looks by itself whenever its wait is over.
        """
        self._changed.set()
        self._changed = trio.Event()

    async def lease(
        self, limit: int, *, duration: Seconds, max_wait: Seconds = 0
    ) -> Sequence[Lease]:
        """Take up to *limit* ready entries, waiting up to *max_wait* for the first."""
        give_up_at = trio.current_time() + max_wait
        await trio.lowlevel.checkpoint()
        while True:
            changed = self._changed  # before the look, so that no change falls in between
            taken = await self._take(limit, duration)
            now = trio.current_time()
            if taken.leases or now >= give_up_at:
                return taken.leases
            due_at = give_up_at if taken.next_due is None else now + taken.next_due
            with trio.move_on_at(min(give_up_at, due_at)):
                await changed.wait()

    @abstractmethod
    async def _take(self, limit: int, duration: Seconds) -> Taken:
        """Lease what is ready now. Not to be cut short: what it takes must be returned."""
