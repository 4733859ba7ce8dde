"""The terminator: has what is in hand finished when the pipeline stops.

It is the first of its supervisor to be stopped but for the watcher. It closes the queues for all
handlers at once and waits for them together; those stopped after it have nothing left to finish,
so the stop takes as long as the slowest of them and not as long as all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from hsid.model import Seconds
from hsid.queues.consumer import Consumer
from supervision import Context


@dataclass(frozen=True, slots=True)
class Terminator:
    """Gives the handlers of *consumers* together *patience* seconds to finish."""

    consumers: Sequence[Consumer]
    patience: Seconds

    async def run(self, ctx: Context) -> None:
        """Open the queues; close them when asked to stop, and wait for the handlers."""
        for consumer in self.consumers:
            consumer.open()
        ctx.ready()
        await ctx.stopping.wait()
        for consumer in self.consumers:
            consumer.close()
        with trio.move_on_after(self.patience):
            for consumer in self.consumers:
                await consumer.wait_idle()
