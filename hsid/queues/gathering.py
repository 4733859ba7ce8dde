"""Many producers, one transaction: puts that arrive while one is being committed go together.

Nobody waits for company: a lone put is carried out at once. A group forms only out of what has
gathered while the group before it was on its way.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import trio

from hsid.queues.protocol import PutReport, QueueUnavailableError

Item = TypeVar("Item")


class _Group(Generic[Item]):
    def __init__(self) -> None:
        self.items: list[Item] = []
        self.finished = trio.Event()
        self.report: PutReport | None = None
        self.error: QueueUnavailableError | None = None

    def share(self, start: int, count: int) -> PutReport | None:
        """Return one caller's part of the report; the evicted are told to the first alone."""
        if self.report is None:
            return None
        results = self.report.results[start : start + count]
        return PutReport(results, self.report.evicted if start == 0 else ())


class PutGathering(Generic[Item]):
    """Joins concurrent puts into calls of *carry*, which must be idempotent.

    The first caller of a group carries it out. If he is cancelled, the others do it again.
    """

    def __init__(self, carry: Callable[[Sequence[Item]], Awaitable[PutReport]]) -> None:
        self._carry = carry
        self._turn = trio.Lock()
        self._open: _Group[Item] | None = None

    async def put(self, items: Sequence[Item]) -> PutReport:
        """Return what *carry* says about *items* once it is done."""
        while True:
            group = self._open
            if group is None:
                return await self._lead(items)
            start = len(group.items)
            group.items.extend(items)
            await group.finished.wait()
            if group.error is not None:
                raise QueueUnavailableError(str(group.error)) from group.error
            share = group.share(start, len(items))
            if share is not None:
                return share

    async def _lead(self, items: Sequence[Item]) -> PutReport:
        group = self._open = _Group[Item]()
        group.items.extend(items)
        try:
            async with self._turn:
                self._open = None
                group.report = await self._carry(group.items)
        except QueueUnavailableError as error:
            group.error = error
            raise
        finally:
            if self._open is group:
                self._open = None
            group.finished.set()
        return PutReport(group.report.results[: len(items)], group.report.evicted)
