"""One queue's way to its handlers and back: leased ahead, handled, committed in groups.

A consumer belongs to the topology for the life of the daemon. Three kinds of actors run its parts:
one pump, one committer, and any number of handlers (`serve`). Each may crash and be started again:
what it held is either settled or still in the consumer's hands. Start the committer first and stop
it last.

What it does not promise: that an entry is handled once. A lost lease or a crash repeats it, so
the writes of a completion are guarded.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import structlog
import trio

from hsid.model import Seconds
from hsid.queues.committer import Committer
from hsid.queues.completion import Completer, Completion
from hsid.queues.dead_letters import trimmed_traceback
from hsid.queues.handling import (
    FailureRules,
    Handler,
    TriesUsedUpError,
    describe,
    released,
    settling,
)
from hsid.queues.protocol import DurableQueue, Lease, QueueError
from hsid.queues.pump import Pump
from hsid.queues.retry import Backoff, RetryPolicy
from hsid.store.errors import StoreUnavailableError
from supervision import Context

_log = structlog.get_logger(__name__)

_WHILE_CLOSED: Seconds = 2.0
"""Between two looks whether handlers may take entries again: nobody waits for that."""

_WHILE_STORE_IS_AWAY: Seconds = 1.0
"""How long a handler that could not read what it needs keeps its entry before it gives it back."""

_RECONNECT = RetryPolicy(first=0.1, longest=5.0)

_LONGEST_RUN = 16
"""How many entries one handler takes before it lets others run, if it never waits for anything."""
_SHORT: Seconds = 0.001
"""How much of the time that it has an entry may lose to those of its run that came before."""


@dataclass(frozen=True, slots=True)
class ConsumerStatistics:
    """A consumer at one moment, and its counts since the process began."""

    outstanding: int
    """Leased and not settled: waiting, in a handler, or pending."""
    waiting: int
    pending: int
    """Handled, not durable yet."""
    committed: int
    discarded: int
    """Completions whose writes were not due: somebody else had done the work."""
    failed: int
    """Handlers that raised, and completions whose writes did."""
    given_up: int
    lost: int
    rejected_puts: int
    is_degraded: bool
    """Whether queue or store can't be reached at present."""


class Consumer:
    """Feeds handlers from *queue* and carries out their completions.

    Args:
        queue: Where the entries come from.
        completer: Makes completions durable.
        prefetch: How many entries are leased at a time; at least one for each handler actor.
        lease_duration: How long a lease holds without being extended. It is extended in time;
            the duration only matters for leases that nobody holds any more.
        max_deliveries: How many handlers may begin an entry before it is given up.
        handle_within: How long a handler may take with one entry; longer is a failure.
        retry: The delays after failures.
        rng: Source of the jitter.
    """

    def __init__(  # noqa: PLR0913 - each is one rule, given by keyword
        self,
        queue: DurableQueue,
        completer: Completer,
        *,
        prefetch: int = 16,
        lease_duration: Seconds = 20.0,
        max_deliveries: int = 5,
        handle_within: Seconds = 60.0,
        retry: RetryPolicy | None = None,
        rng: random.Random | None = None,
    ) -> None:
        rng = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self.handle_within = handle_within
        self._queue = queue
        self._pump = Pump(
            queue,
            prefetch=prefetch,
            lease_duration=lease_duration,
            backoff=Backoff(_RECONNECT, rng),
        )
        self._committer = Committer(
            completer, settled=self._pump.settled, backoff=Backoff(_RECONNECT, rng)
        )
        self._rules = FailureRules(max_deliveries, retry or RetryPolicy(), rng)
        # A semaphore: the committer ends the turn that a handler took.
        self._suspects_turn = trio.Semaphore(1, max_value=1)
        self._is_open = True
        self._handling = 0
        self._is_idle = trio.Event()

    @property
    def queue_name(self) -> str:
        """The name of the queue."""
        return self._queue.name

    @property
    def handling(self) -> int:
        """How many entries are in a handler's hands."""
        return self._handling

    @property
    def rounds(self) -> int:
        """How often the pump has gone round; it does every few seconds, whatever is away."""
        return self._pump.rounds

    async def run_pump(self, ctx: Context) -> None:
        """Lease ahead of the handlers until asked to stop; give back what none has taken."""
        await self._pump.run(ctx)

    async def run_committer(self, ctx: Context) -> None:
        """Make completions durable until asked to stop and none is left."""
        await self._committer.run(ctx)

    def open(self) -> None:
        """Let handlers take entries, as they may from the beginning."""
        self._is_open = True

    def close(self) -> None:
        """Let no handler take another entry; those in hand go on."""
        self._is_open = False

    async def wait_idle(self) -> None:
        """Wait until no entry is in a handler's hands."""
        while self._handling:
            self._is_idle = trio.Event()
            await self._is_idle.wait()

    async def serve(self, handler: Handler, ctx: Context) -> None:
        """Handle one entry after the other until asked to stop; then finish the one begun.

        A failing handler never ends this: its entry is tried again or given up. A paused actor
        finishes the entry begun and takes no other.

        *Cancellation*: the entry in hand is given back, no try used up.
        """
        async with self._pump.subscribe() as leases:
            ctx.ready()
            lease = await self._next(leases, ctx)
            while lease is not None:
                self._handling += 1
                try:
                    if self._is_ordinary(lease):
                        lease = await self._settle_run(lease, leases, handler, ctx)
                    else:
                        await self._settle(lease, handler, ctx)
                        lease = None
                finally:
                    self._handling -= 1
                    self._is_idle.set()
                lease = lease or await self._next(leases, ctx)

    def statistics(self) -> ConsumerStatistics:
        """Return what there is to tell."""
        counts = self._committer.counts
        return ConsumerStatistics(
            outstanding=self._pump.outstanding,
            waiting=self._pump.waiting,
            pending=self._committer.pending,
            committed=counts["committed"],
            discarded=counts["discarded"],
            failed=self._rules.counts.failed,
            given_up=self._rules.counts.given_up,
            lost=counts["lost"],
            rejected_puts=counts["rejected"],
            is_degraded=self._pump.is_degraded or self._committer.is_degraded,
        )

    async def _settle_run(
        self,
        lease: Lease,
        leases: trio.MemoryReceiveChannel[Lease],
        handler: Handler,
        ctx: Context,
    ) -> Lease | None:
        """Settle *lease*, and those that wait behind it as long as hardly any time passes.

        Where handlers never wait, the scope that limits their time is the dearest part of an
        entry's way, so a run shares one. Returns an entry that was taken and is not ordinary.
        """
        began = trio.current_time()
        try:
            with trio.move_on_after(self.handle_within):
                for left in reversed(range(_LONGEST_RUN)):
                    self._submit(handler, lease, await self._try(handler, lease))
                    is_over = not left or trio.current_time() - began > _SHORT
                    follower = None if is_over else self._take_waiting(leases, ctx)
                    if follower is None or not self._is_ordinary(follower):
                        return follower
                    lease = follower
        except BaseException:
            self._submit(handler, lease, released(lease))
            raise
        self._submit(handler, lease, self._after_timeout(handler, lease))
        return None

    async def _settle(self, lease: Lease, handler: Handler, ctx: Context) -> None:
        """Settle what has no try left, or may have killed an earlier process."""
        completion, end_turn = released(lease), None
        try:
            if self._rules.is_used_up(lease):
                error = TriesUsedUpError(f"{lease.begun} handlers began it and none came back")
                completion = self._rules.give_up(handler, lease, describe(error))
            elif await self._take_turn(ctx):
                end_turn = self._suspects_turn.release
                completion = await self._handle_suspect(handler, lease)
        finally:
            self._submit(handler, lease, completion, end_turn)

    def _is_ordinary(self, lease: Lease) -> bool:
        return not lease.is_redelivered and not self._rules.is_used_up(lease)

    def _take_waiting(self, leases: trio.MemoryReceiveChannel[Lease], ctx: Context) -> Lease | None:
        """Return an entry if one is there and may be taken."""
        if ctx.is_paused or not self._is_open or ctx.stopping.is_set():
            return None
        try:
            return leases.receive_nowait()
        except trio.WouldBlock:
            return None

    def _submit(
        self,
        handler: Handler,
        lease: Lease,
        completion: Completion,
        end_turn: Callable[[], None] | None = None,
    ) -> None:
        self._committer.submit(self._rules.finished(handler, lease, completion, end_turn))

    async def _handle(self, handler: Handler, lease: Lease) -> Completion:
        with trio.move_on_after(self.handle_within):
            return await self._try(handler, lease)
        return self._after_timeout(handler, lease)

    async def _try(self, handler: Handler, lease: Lease) -> Completion:
        try:
            return settling(lease, await handler.handle(lease))
        except StoreUnavailableError as error:
            # Not the message's failure. The pause is taken here: all others would fail meanwhile.
            _log.warning("handling_postponed", entry=lease.entry.id, error=describe(error))
            await trio.sleep(_WHILE_STORE_IS_AWAY)
            return released(lease)
        except Exception as error:  # noqa: BLE001 - a message's failure is not the actor's (D19)
            where = trimmed_traceback(error)
            return self._rules.after_failure(handler, lease, describe(error), where)

    def _after_timeout(self, handler: Handler, lease: Lease) -> Completion:
        error = f"the handler took longer than {self.handle_within:g} s"
        return self._rules.after_failure(handler, lease, error)

    async def _handle_suspect(self, handler: Handler, lease: Lease) -> Completion:
        """Handle what may have killed an earlier process, after counting that durably."""
        try:
            begun = await self._queue.begin(lease)
        except QueueError as error:
            _log.warning("begin_failed", entry=lease.entry.id, error=describe(error))
            return released(lease)
        return await self._handle(handler, begun)

    async def _take_turn(self, ctx: Context) -> bool:
        """Wait until no other suspect is in a handler or on its way into the store.

        If two ran at once and the process died, nobody could tell which one killed it.
        """
        while not ctx.stopping.is_set():
            with ctx.until_news():
                await self._suspects_turn.acquire()
                return True
        return False

    async def _next(self, leases: trio.MemoryReceiveChannel[Lease], ctx: Context) -> Lease | None:
        """Wait for an entry; return None when it is time to stop."""
        while not ctx.stopping.is_set():
            await trio.lowlevel.checkpoint()
            ctx.beat()
            if ctx.is_paused:
                await ctx.wait_resumed()
            elif not self._is_open:
                await ctx.sleep(_WHILE_CLOSED)
            elif (lease := self._take_waiting(leases, ctx)) is not None:
                # No wait is opened where none is needed; under load that is most of the time.
                return lease
            else:
                with ctx.until_news():
                    return await leases.receive()
        return None
