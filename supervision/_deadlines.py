"""When children next need attention: a heap that may hold what is outdated, and never shows it.

A deadline counts only while the child is due at that very time. So nothing is ever taken out of the
middle: what is outdated is skipped when it comes to the top, and swept out when it prevails.
"""

import heapq
import math
from collections.abc import Mapping

from supervision._core._state import Child
from supervision._outcome import ChildId, Seconds

_SLACK = 64  # outdated entries that are not worth sweeping


class Deadlines:
    """The deadlines of a supervisor's children."""

    def __init__(self) -> None:
        self._heap: list[tuple[Seconds, int, ChildId]] = []
        self._count = 0  # keeps those of one time in the order in which they came

    def __len__(self) -> int:
        return len(self._heap)

    def arm(self, child: ChildId, at: Seconds) -> None:
        """Add a deadline."""
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, child))

    def earliest(self, children: Mapping[ChildId, Child]) -> Seconds:
        """Return when the first of *children* is due; infinity if none is."""
        self._sweep(children)
        while self._heap and not _counts(self._heap[0], children):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def take_due(self, children: Mapping[ChildId, Child], now: Seconds) -> tuple[ChildId, ...]:
        """Take out the deadlines that have come; return whose they are, each once, in order."""
        due: dict[ChildId, None] = {}
        while self.earliest(children) <= now:
            _, _, child = heapq.heappop(self._heap)
            due[child] = None
        return tuple(due)

    def _sweep(self, children: Mapping[ChildId, Child]) -> None:
        if len(self._heap) > 2 * len(children) + _SLACK:
            self._heap = [each for each in self._heap if _counts(each, children)]
            heapq.heapify(self._heap)


def _counts(entry: tuple[Seconds, int, ChildId], children: Mapping[ChildId, Child]) -> bool:
    at, _, child = entry
    found = children.get(child)
    return found is not None and found.due == at
