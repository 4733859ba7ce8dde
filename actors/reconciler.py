"""The reconciler: sees to it that what the ledger has, a queue has.

At the start it puts back what a crash may have lost between ledger and queue, blindly: a put is
idempotent. From then on it feeds the queue from the backlog as there is room, and repeats what
found none.
"""

from dataclasses import dataclass

from hsid.model import Seconds
from hsid.observe.logging import get_logger
from hsid.queues.feeder import Feeder
from hsid.queues.lifetime import attended
from hsid.queues.protocol import QueueUnavailableError
from supervision import Context

_WHILE_WAITING: Seconds = 0.5
"""Between two rounds while uploads wait for room."""
_OTHERWISE: Seconds = 30.0

_log = get_logger("actors.reconciler")


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Works on what *feeder* feeds."""

    feeder: Feeder

    async def run(self, ctx: Context) -> None:
        """Reconcile until asked to stop."""
        is_restored = False
        async with attended(ctx) as attendant:
            ctx.ready()
            while not attendant.is_stopping:
                try:
                    if not is_restored:
                        is_restored = await self._restore()
                    pause = _WHILE_WAITING if await self.feeder.feed() else _OTHERWISE
                except QueueUnavailableError as error:
                    _log.warning("reconciling_postponed", error=str(error))
                    pause = _WHILE_WAITING
                await attendant.rest(pause if is_restored else _WHILE_WAITING)

    async def _restore(self) -> bool:
        rejected = await self.feeder.restore()
        if rejected:
            _log.info("entries_wait_for_room", count=rejected)
        return not rejected
