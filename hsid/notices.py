"""A notice from one actor to another: there is something in the store for you to look at.

It says only that, so any number of notices before the look are one, and a lost one costs time and
never work. The topology owns both ends; an actor that dies takes none with it.
"""

import trio

from hsid.model import Seconds
from supervision import Context


class Notice:
    """A memory channel for one notice."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[None](1)

    def give(self) -> None:
        """Tell; never blocks. To be called in the event loop."""
        if not self._receive.statistics().current_buffer_used:
            self._send.send_nowait(None)

    async def wait(self) -> None:
        """Wait until told, once for all that was told before."""
        await self._receive.receive()

    async def wait_within(self, pause: Seconds, ctx: Context) -> bool:
        """Wait as `wait` does, for at most *pause*; tell whether there was a notice.

        Beats meanwhile, and leaves once the actor of *ctx* is asked to stop.
        """
        until = trio.current_time() + pause
        while not ctx.stopping.is_set() and trio.current_time() < until:
            with ctx.until_news(until - trio.current_time()):
                await self.wait()
                return True
        return False
