"""From the handlers back to the store: completions, in groups, until they are durable.

A group is whatever has gathered while the last one was committed. What has been handed in is kept
until it is durable: neither an unreachable store nor the end of an incarnation loses it.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable

import structlog
import trio

from hsid.model import Seconds
from hsid.queues.completion import Completer, Outcome
from hsid.queues.handling import Finished, describe
from hsid.queues.protocol import Lease, QueueAddResult, QueueUnavailableError
from hsid.queues.retry import Backoff
from supervision import Context

_log = structlog.get_logger(__name__)

_LAST_COMMIT_DEADLINE: Seconds = 4.0  # within the grace that a cancelled actor has by default


class Committer:
    """Commits what handlers hand in; tells *settled* which leases have ended."""

    def __init__(
        self,
        completer: Completer,
        *,
        settled: Callable[[Iterable[Lease]], None],
        backoff: Backoff,
    ) -> None:
        self._completer = completer
        self._settled = settled
        self._backoff = backoff
        self._pending: deque[Finished] = deque()
        self._arrived = trio.Event()
        self.counts: Counter[str] = Counter()
        """How many completions were `committed` and `discarded`; `lost` leases, `rejected` puts."""

    @property
    def pending(self) -> int:
        """How many completions are not durable yet."""
        return len(self._pending)

    @property
    def is_degraded(self) -> bool:
        """Whether the store can't be reached."""
        return self._backoff.failures > 0

    def submit(self, finished: Finished) -> None:
        """Take a completion; never blocks, as there are no more than leased entries."""
        self._pending.append(finished)
        self._arrived.set()

    async def run(self, ctx: Context) -> None:
        """Commit until asked to stop and nothing is left.

        Stop the handlers first: what they hand in later waits for the next run.
        *Cancellation*: one last commit is tried, for at most a few seconds.
        """
        ctx.ready()
        try:
            while self._pending or not ctx.stopping.is_set():
                await self._step(ctx)
        finally:
            with trio.move_on_after(_LAST_COMMIT_DEADLINE, shield=True):
                while self._pending and await self._commit() is None:
                    pass

    async def _step(self, ctx: Context) -> None:
        if not self._pending:
            self._arrived = trio.Event()
            with ctx.until_news():
                await self._arrived.wait()
            return
        pause = await self._commit()
        ctx.beat()
        await trio.sleep(pause or 0)  # asked to stop or not: what is pending must not be lost

    async def _commit(self) -> Seconds | None:
        """Commit all that is pending; return the pause before the next try if that failed."""
        group = list(self._pending)
        try:
            outcomes = await self._completer.complete([one.completion for one in group])
        except QueueUnavailableError as error:
            pause = self._backoff.fail()
            _log.warning("commit_failed", count=len(group), pause=pause, error=str(error))
            return pause
        self._backoff.succeed()
        for _ in group:
            self._pending.popleft()
        for finished, outcome in zip(group, outcomes, strict=True):
            self._conclude(finished, outcome)
        return None

    def _conclude(self, finished: Finished, outcome: Outcome) -> None:
        if outcome.error is not None:
            error = describe(outcome.error)
            _log.error("completion_failed", entry=finished.lease.entry.id, error=error)
            if finished.fallbacks:
                self.submit(finished.fallback(error))
                return
            # Out of hope: not extended any more, the entry comes back at the end of its lease.
        else:
            self._count(outcome)
            self._notify(finished, outcome)
        self._settled([finished.lease])
        if finished.on_concluded is not None:
            finished.on_concluded()

    def _count(self, outcome: Outcome) -> None:
        rejected = sum(result is QueueAddResult.REJECTED for result in outcome.puts)
        self.counts["committed"] += 1
        self.counts["discarded"] += outcome.is_discarded
        self.counts["lost"] += len(outcome.lost)
        self.counts["rejected"] += rejected
        if rejected or outcome.evicted:
            _log.warning("queue_overflow", rejected=rejected, evicted=len(outcome.evicted))

    def _notify(self, finished: Finished, outcome: Outcome) -> None:
        if finished.completion.on_done is None:
            return
        try:
            finished.completion.on_done(outcome)
        except Exception:  # noqa: BLE001 - a notice is lost, which costs time and never work
            _log.exception("on_done_failed", entry=finished.lease.entry.id)
