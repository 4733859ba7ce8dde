"""The queue pump and the queue committer: a durable queue's way to its handlers and back.

Both may crash and start again at any time: what they hold belongs to the consumer, which is the
topology's.
"""

from dataclasses import dataclass

from hsid.queues.consumer import Consumer
from supervision import Context


@dataclass(frozen=True, slots=True)
class QueuePump:
    """Leases entries ahead of the handlers of *consumer*."""

    consumer: Consumer

    async def run(self, ctx: Context) -> None:
        """Pump until asked to stop; then give back what no handler has taken."""
        await self.consumer.run_pump(ctx)


@dataclass(frozen=True, slots=True)
class QueueCommitter:
    """Makes durable what the handlers of *consumer* leave behind."""

    consumer: Consumer

    async def run(self, ctx: Context) -> None:
        """Commit until asked to stop and nothing is left."""
        await self.consumer.run_committer(ctx)
