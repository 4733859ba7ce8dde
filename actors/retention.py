"""Retention: deletes what has been kept long enough, now and then, in small portions.

What it does not get done, as the store is away or it is asked to stop, the next round does. A round
that finds nothing to do writes nothing.
"""

from dataclasses import dataclass, field

from hsid.model import Seconds
from hsid.observe.logging import get_logger
from hsid.observe.metrics import record_retention_round
from hsid.retention.decision import Limits
from hsid.retention.disk import Places
from hsid.retention.measuring import LastMeasured
from hsid.retention.running import Database
from hsid.retention.sweep import Result, Sweep
from hsid.store.errors import StoreUnavailableError
from supervision import Context

FIRST_ROUND: Seconds = 300.0
"""After the start: first the backlog, then the broom. Also how soon a failed round is repeated."""

_PAUSE: Seconds = 0.1
"""Between two portions, so that the pipeline's writes come through."""

_log = get_logger("actors.retention")


@dataclass(frozen=True, slots=True)
class Retention:
    """Sweeps *database* and *places* by *limits*, a round *every* so many seconds."""

    database: Database
    limits: Limits
    places: Places
    every: Seconds
    last: LastMeasured = field(default_factory=LastMeasured)
    """Where what a round has found is left for the status."""

    async def run(self, ctx: Context) -> None:
        """Sweep until asked to stop."""
        ctx.ready()
        await self.work(ctx)

    async def work(self, ctx: Context) -> None:
        """Do what `run` does, for one who is ready already."""
        pause = min(FIRST_ROUND, self.every)
        while await ctx.sleep(pause):
            await ctx.wait_resumed()
            pause = self.every if await self._is_swept(ctx) else min(FIRST_ROUND, self.every)

    async def _is_swept(self, ctx: Context) -> bool:
        async def breathe() -> bool:
            await ctx.wait_resumed()
            return await ctx.sleep(_PAUSE)

        sweep = Sweep(self.database, self.limits, self.places, is_dry_run=False, breathe=breathe)
        try:
            result = await sweep.run()
        except StoreUnavailableError as error:
            _log.warning("retention_postponed", error=str(error))
            record_retention_round("postponed")
            return False
        self.last.value = result.measured
        _tell(result)
        return True


def _tell(result: Result) -> None:
    for remark in result.remarks:
        _log.warning("retention_remark", remark=remark)
    outcome = "done" if result.standstill is None else "standstill"
    record_retention_round(outcome, result.counts.items())
    if result.standstill is not None:
        _log.info("retention_stands_still", reason=result.standstill)
    elif result.counts:
        _log.info("retention_done", **{kind.value: count for kind, count in result.counts.items()})
