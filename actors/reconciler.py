"""The reconciler: sees to it that what the ledger has, a queue has.

At the start it puts back what a crash may have lost between ledger and queue, blindly: a put is
idempotent. From then on it feeds the queues as there is room, and whenever something was put off.
"""

from dataclasses import dataclass

from hsid.feeding import Feeder
from hsid.model import Seconds
from hsid.observe.logging import get_logger
from hsid.queues.protocol import QueueUnavailableError
from supervision import Context

_WHILE_WAITING: Seconds = 0.5
"""Between two rounds while something waits for room, or the store is away."""
_OTHERWISE: Seconds = 30.0

_log = get_logger("actors.reconciler")


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Works on what *feeder* feeds."""

    feeder: Feeder

    async def run(self, ctx: Context) -> None:
        """Reconcile until asked to stop."""
        is_restored = False
        ctx.ready()
        while not ctx.stopping.is_set():
            try:
                is_restored = is_restored or not await self.feeder.restore()
                waits = await self.feeder.feed() or not is_restored
            except QueueUnavailableError as error:
                _log.warning("reconciling_postponed", error=str(error))
                waits = True
            await ctx.sleep(_WHILE_WAITING if waits else _OTHERWISE)
            await ctx.wait_resumed()
