"""The reconciler: sees to it that what the ledger has, a queue has.

At the start it puts back what a crash may have lost between ledger and queue, blindly: a put is
idempotent. It does so again when it is told that a queue was lost or away, and now and then where a
queue could be lost without a word. Otherwise it feeds the queues as there is room, and whenever
something was put off.
"""

import math
from dataclasses import dataclass

import trio

from hsid.feeding import Feeder
from hsid.model import Seconds
from hsid.notices import Notice
from hsid.observe.logging import get_logger
from hsid.queues.protocol import QueueUnavailableError
from supervision import Context

_WHILE_WAITING: Seconds = 0.5
"""Between two rounds while something waits for room, or the store is away."""
_OTHERWISE: Seconds = 30.0

_log = get_logger("actors.reconciler")


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Works on what *feeder* feeds; *notice* says that the ledger has what no queue has."""

    feeder: Feeder
    notice: Notice

    async def run(self, ctx: Context) -> None:
        """Reconcile until asked to stop."""
        ctx.ready()
        await self.work(ctx)

    async def work(self, ctx: Context) -> None:
        """Do what `run` does, for one who is ready already."""
        restore_at = -math.inf
        while not ctx.stopping.is_set():
            waits = False
            try:
                if trio.current_time() >= restore_at:
                    waits = await self.feeder.restore()
                    restore_at = restore_at if waits else self._next_restoring()
                waits = await self.feeder.feed() or waits
            except QueueUnavailableError as error:
                _log.warning("reconciling_postponed", error=str(error))
                waits = True
            if await self.notice.wait_within(_WHILE_WAITING if waits else _OTHERWISE, ctx):
                restore_at = -math.inf
            await ctx.wait_resumed()

    def _next_restoring(self) -> Seconds:
        return trio.current_time() + self.feeder.restore_every
