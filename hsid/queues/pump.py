"""From the queue into the actors' memory channel, as far as they can take it.

Whatever the pump has leased stays leased until it is settled, for as long as the pump runs: from
receipt, in the channel, in the handler, and until the completion is durable.
"""

from collections.abc import Iterable, Sequence

import structlog
import trio

from hsid.model import Seconds
from hsid.queues.protocol import DurableQueue, Lease, QueueUnavailableError, Release
from hsid.queues.retry import Backoff
from supervision import Context

_log = structlog.get_logger(__name__)

_GIVE_BACK_DEADLINE: Seconds = 4.0  # within the grace that a cancelled actor has by default
_LONGEST_WAIT: Seconds = 2.0  # for an entry, in one call of the queue


class Pump:
    """Leases ahead of the handlers, at most *prefetch* entries that are not settled.

    It outlives its incarnations: a new `run` goes on with what the one before had leased.
    """

    def __init__(
        self, queue: DurableQueue, *, prefetch: int, lease_duration: Seconds, backoff: Backoff
    ) -> None:
        self._queue = queue
        self._prefetch = prefetch
        self._duration = lease_duration
        self._backoff = backoff
        # The topology holds both ends for life: an actor that dies never closes the channel.
        self._send, self._receive = trio.open_memory_channel[Lease](prefetch)
        self._outstanding: dict[tuple[str, str], Lease] = {}
        self._has_room = trio.Event()
        self._is_reclaimed = False
        self._extended_at: Seconds | None = None
        self.rounds = 0
        """How often it has gone round since the process began."""

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

    def subscribe(self) -> trio.MemoryReceiveChannel[Lease]:
        """Return an end of the channel for one incarnation of a handler actor."""
        return self._receive.clone()

    def settled(self, leases: Iterable[Lease]) -> None:
        """Forget leases that have ended: there is room for others."""
        for lease in leases:
            self._outstanding.pop(_key(lease), None)
        self._has_room.set()

    async def run(self, ctx: Context) -> None:
        """Lease until asked to stop, then give back what no handler has taken.

        *Cancellation*: gives back as well, for at most a few seconds.
        """
        try:
            ctx.ready()  # at once: a queue that is away is no failure to start
            while not ctx.stopping.is_set():
                await self._step(ctx)
        finally:
            await self._give_back()

    async def _step(self, ctx: Context) -> None:
        self.rounds += 1
        try:
            await self._reclaim_once()
            await self._extend_in_time()
            with ctx.until_news(min(self._extend_every, _LONGEST_WAIT)):
                await self._fill()
        except QueueUnavailableError as error:
            pause = self._backoff.fail()
            _log.warning("queue_unavailable", queue=self._queue.name, pause=pause, error=str(error))
            await ctx.sleep(pause)
        else:
            self._backoff.succeed()

    async def _reclaim_once(self) -> None:
        if self._is_reclaimed:
            return
        count = await self._queue.reclaim()
        self._is_reclaimed = True
        if count:
            _log.info("entries_reclaimed", queue=self._queue.name, count=count)

    async def _extend_in_time(self) -> None:
        """Extend before leasing: after a pause our own entries must not be taken for abandoned."""
        now = trio.current_time()
        if not self._outstanding:
            self._extended_at = now
        elif self._extended_at is None or now - self._extended_at >= self._extend_every:
            leases = list(self._outstanding.values())
            await self._queue.extend(leases, duration=self._duration)
            self._extended_at = now

    async def _fill(self) -> None:
        room = self._prefetch - len(self._outstanding)
        if room <= 0:
            self._has_room = trio.Event()
            await self._has_room.wait()
            return
        leases = await self._queue.lease(room, duration=self._duration, max_wait=_LONGEST_WAIT)
        for lease in leases:
            self._outstanding[_key(lease)] = lease
            self._send.send_nowait(lease)  # fits: what is in the channel is outstanding

    async def _give_back(self) -> None:
        leases = [self._receive.receive_nowait() for _ in range(self.waiting)]
        if not leases:
            return
        self.settled(leases)
        with trio.move_on_after(_GIVE_BACK_DEADLINE, shield=True) as scope:
            await self._release(leases)
        if scope.cancelled_caught:
            _log.warning("give_back_timed_out", queue=self._queue.name, count=len(leases))

    async def _release(self, leases: Sequence[Lease]) -> None:
        try:
            await self._queue.settle([Release(lease) for lease in leases])
        except QueueUnavailableError as error:
            # They come back as redelivered, at the end of their leases or with the next process.
            _log.warning("give_back_failed", queue=self._queue.name, error=str(error))

    @property
    def _extend_every(self) -> Seconds:
        return self._duration / 3


def _key(lease: Lease) -> tuple[str, str]:
    return (lease.entry.id, lease.token)
