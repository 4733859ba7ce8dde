"""What is to be seen of the running daemon from its own loop, for its service manager.

Only looks, and asks nothing that would have to be waited for: it is called at every pulse.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from hsid.house import House
from hsid.model import Seconds
from hsid.observe.health import judge
from hsid.observe.liveness import PATIENCE, Liveness, Part
from hsid.observe.service import Signs
from hsid.queues.consumer import Consumer
from supervision import ChildSnapshot, Kind

_READY = "ready"
_LATE: Seconds = 5.0
"""By how much a supervisor may miss the deadline of a child before its own loop is in doubt."""
_LONGEST_TROUBLE = 160


class Vitals:
    """Looks at *house* and at the tree in it; *outages* says what the house leans on and lacks.

    *interval* is the time between two looks, *patience* how long a part may be busy in vain.
    """

    def __init__(
        self,
        house: House,
        interval: Seconds,
        outages: Callable[[], Iterable[str]] = tuple,
        *,
        patience: Seconds = PATIENCE,
    ) -> None:
        self._house = house
        self._outages = outages
        self._liveness = Liveness(interval, patience)

    def signs(self, tree: ChildSnapshot) -> Signs:
        """Return how it is now."""
        parts = chain(overdue(tree), self._storing(), *map(self._queueing, self._consumers(tree)))
        return Signs(
            status_line(tree, self._outages()),
            self._progress(tree),
            self._liveness.look(parts, tree.at),
        )

    def _progress(self, tree: ChildSnapshot) -> tuple[object, ...]:
        counts = self._house.store.statistics()
        phases = tuple((node.path, node.state, node.incarnation) for node in tree.walk())
        settled = [each.statistics().committed for each in self._all_consumers()]
        return (counts.commits, *settled, phases)

    def _storing(self) -> Iterator[Part]:
        """Yield the writing thread: stuck if requests wait, and none succeeds or fails."""
        counts = self._house.store.statistics()
        yield Part("store-writer", counts.in_flight > 0, counts.commits + counts.failed_commits)

    def _queueing(self, consumer: Consumer) -> Iterator[Part]:
        """Yield the pump, which goes round all the time, even while its queue is away."""
        yield Part(f"{consumer.queue_name} pump", is_busy=True, progress=consumer.rounds)

    def _all_consumers(self) -> tuple[Consumer, ...]:
        return (self._house.detection_consumer, self._house.analysis_consumer)

    def _consumers(self, tree: ChildSnapshot) -> Iterator[Consumer]:
        """Yield those whose pump is at work."""
        pumps = {node.id for node in tree.walk() if node.state == _READY}
        for consumer in self._all_consumers():
            if f"{consumer.queue_name.removesuffix('_queue')}-pump" in pumps:
                yield consumer


def overdue(tree: ChildSnapshot) -> Iterator[Part]:
    """Yield each child whose supervisor should have acted by now, and has not."""
    for node in tree.walk():
        if node.deadline is not None and node.at - node.deadline > _LATE:
            yield Part(f"supervisor of {node.path}", is_busy=True, progress=node.incarnation)


def status_line(tree: ChildSnapshot, outages: Iterable[str] = ()) -> str:
    """Return the line that `systemctl status` shows."""
    actors = [node for node in tree.walk() if node.kind is Kind.WORKER]
    troubles = judge(tree, others=outages).troubles
    count = f"running; {len(actors)} actors"
    if not troubles:
        return f"{count}, all well"
    more = f" and {len(troubles) - 1} more" if len(troubles) > 1 else ""
    return f"{count}, degraded: {troubles[0][:_LONGEST_TROUBLE]}{more}"
