"""A notice from one actor to another: there is something in the store for you to look at.

It says only that, so any number of notices before the look are one, and a lost one costs time and
never work. The topology owns both ends; an actor that dies takes none with it.
"""

import trio


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
