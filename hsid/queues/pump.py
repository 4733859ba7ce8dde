"""From the queue into the actors' memory channel, as far as they can take it.

Whatever the pump has leased stays leased until it is settled, for as long as the pump runs: from
receipt, in the channel, in the handler, and until the completion is durable.
"""

import math
from collections.abc import Sequence

import structlog
import trio

from hsid.model import Seconds
from hsid.queues.lifetime import BEAT_EVERY, Attendant, Lifetime, attended
from hsid.queues.protocol import DurableQueue, Lease, QueueUnavailableError, Release
from hsid.queues.retry import RetryPolicy

_log = structlog.get_logger(__name__)

_GIVE_BACK_DEADLINE: Seconds = 5.0
_RECONNECT = RetryPolicy(first=0.1, longest=5.0)


class Pump:
    """Leases ahead of the handlers, at most *prefetch* entries that are not settled.

    It outlives its incarnations: a new `run` goes on with what the one before had leased.
    """

    def __init__(
        self, queue: DurableQueue, *, prefetch: int, lease_duration: Seconds, reconnect: Backoff
    ) -> None:
        self._queue = queue
        self._prefetch = prefetch
        self._duration = lease_duration
        self._send, self._receive = trio.open_memory_channel[Lease](prefetch)
        self._outstanding: dict[tuple[str, str], Lease] = {}
        self._room = trio.Event()
        self._is_reclaimed = False
        self._extend_at = math.inf
        self._backoff = reconnect

    @property
    def outstanding(self) -> int:
        """How many entries are leased and not settled."""
        return len(self._outstanding)

    @property
    def waiting(self) -> int:
        """How many of them no handler has taken yet."""
        return self._receive.statistics().current_buffer_used

    @property
    def is_degraded(self) -> bool:
        """Whether the queue can't be reached."""
        return self._backoff.failures > 0
