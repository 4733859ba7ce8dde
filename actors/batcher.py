"""The batcher: decides which detections belong together, and when a batch is finished.

It keeps nothing in memory: each time it looks at what the store holds, carries out what
`hsid.batching` decides, and sleeps until the exact time at which there would be something to do.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import trio
from sqlalchemy import Connection

from hsid.batching import BatchPlan, BatchPolicy, CloseBatch, decide
from hsid.feeding import Feeder
from hsid.model import Seconds
from hsid.notices import Notice
from hsid.observe.latency import PipelineMarks
from hsid.observe.logging import get_logger
from hsid.observe.metrics import (
    PipelineError,
    Stage,
    observe_stage_duration,
    record_batch_closed,
    record_pipeline_error,
)
from hsid.queues.protocol import QueueUnavailableError
from hsid.store import batches
from hsid.store.errors import StoreUnavailableError
from hsid.store.store import Store
from supervision import Context

_LONGEST_SLEEP: Seconds = 60.0
"""A wall clock that is set must not keep a batch open for longer."""
LOOK_EVERY: Seconds = 1.0
"""Where other nodes detect, too: they store what they have seen, and give no notice."""
_STORE_PAUSE: Seconds = 1.0

_log = get_logger("actors.batcher")


@dataclass(frozen=True, slots=True)
class Batcher:
    """Works whenever *notice* was given, and when a batch's time is up."""

    store: Store
    feeder: Feeder
    policy: BatchPolicy
    notice: Notice
    marks: PipelineMarks = field(default_factory=PipelineMarks)
    longest_sleep: Seconds = _LONGEST_SLEEP

    async def run(self, ctx: Context) -> None:
        """Decide until asked to stop."""
        ctx.ready()
        await self.work(ctx)

    async def work(self, ctx: Context) -> None:
        """Do what `run` does, for one who is ready already."""
        while not ctx.stopping.is_set():
            try:
                pause = await self._decide_all()
            except (StoreUnavailableError, QueueUnavailableError) as error:
                _log.warning("batching_postponed", error=str(error))
                record_pipeline_error(PipelineError.STORE_UNAVAILABLE)
                pause = _STORE_PAUSE
            await self.notice.wait_within(pause, ctx)
            await ctx.wait_resumed()

    async def _decide_all(self) -> Seconds:
        """Decide for each camera with work; return how long there is nothing to do by itself."""
        pause = self.longest_sleep
        for camera_id in await self.store.read(batches.cameras_with_work):
            now, began = datetime.now(UTC), trio.current_time()
            plan = await self.store.write(partial(self._decide_in, camera_id=camera_id, now=now))
            observe_stage_duration(Stage.BATCH, trio.current_time() - began)
            await self._hand_on(plan)
            if plan.wake_at is not None:
                pause = min(pause, (plan.wake_at - now).total_seconds())
        return pause

    def _decide_in(self, connection: Connection, *, camera_id: str, now: datetime) -> BatchPlan:
        state = batches.load_camera(connection, camera_id, reach=self.policy.reach)
        plan = decide(state, now, self.policy)
        batches.apply(connection, camera_id, plan.actions)
        return plan

    async def _hand_on(self, plan: BatchPlan) -> None:
        """Have what was closed put into the queue; the reconciler does if this comes to nothing."""
        closed = [action for action in plan.actions if isinstance(action, CloseBatch)]
        for action in closed:
            self.marks.closed.note(action.batch_id)
            record_batch_closed()
            _log.info("batch_closed", batch_id=action.batch_id, revision=action.revision)
        if closed:
            await self.feeder.feed()
