"""What an incarnation heeds while it waits: the beat that is due, the request to stop, the pause.

Guarantees that a wait made here shows the child to be alive, and ends at once when its supervisor
wants something. Knows nothing of mailboxes, and never interrupts what is not a wait of its own.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from supervision._outcome import Seconds


class Attention:
    """One incarnation's ear for its supervisor, and its pulse."""

    def __init__(self, *, heartbeat_timeout: Seconds | None = None) -> None:
        self.stopping = trio.Event()
        self.is_paused = False
        self.beat_at: Seconds = trio.current_time()
        # Half of it, so that one late turn of the loop is no missed beat.
        self._beat_every = math.inf if heartbeat_timeout is None else heartbeat_timeout / 2
        self._waits: set[trio.CancelScope] = set()

    def beat(self) -> None:
        """Give a sign of life; call it from the loop that does the work, waiting loops included."""
        self.beat_at = trio.current_time()

    async def sleep(self, seconds: Seconds) -> bool:
        """Sleep, beating; return True after the whole time, False as soon as asked to stop."""
        end = trio.current_time() + seconds
        await trio.lowlevel.checkpoint()
        while not self.stopping.is_set() and (left := end - trio.current_time()) > 0:
            with self.until_news(left):
                await trio.sleep_forever()
        return not self.stopping.is_set()

    async def wait_resumed(self) -> None:
        """Wait, beating, until the child is not paused, or is asked to stop."""
        await trio.lowlevel.checkpoint()
        while self.is_paused and not self.stopping.is_set():
            with self.until_news():
                await trio.sleep_forever()

    @contextmanager
    def until_news(self, longest: Seconds = math.inf) -> Iterator[None]:
        """Beat, and bound what the block awaits to *longest*, the next beat, and any news.

        News are the request to stop, also if it has come already, a pause and its end.
        """
        self.beat()
        with trio.move_on_after(min(longest, self._beat_every)) as scope:
            if self.stopping.is_set():
                scope.cancel(reason="supervision: the child is asked to stop")
            self._waits.add(scope)
            try:
                yield
            finally:
                self._waits.discard(scope)

    def ask_to_stop(self) -> None:
        """Set `stopping`, and end every wait; called by the supervisor."""
        self.stopping.set()
        self._wake()

    def set_paused(self, is_paused: bool) -> None:  # noqa: FBT001 - the word from above
        """Take no more messages, or take them again; called by the supervisor."""
        self.is_paused = is_paused
        self._wake()

    def _wake(self) -> None:
        for scope in self._waits:
            scope.cancel(reason="supervision: there is news for the child")
