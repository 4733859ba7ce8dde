"""What happens, told at once to whoever listens: in process, bounded, and never waiting for anyone.

A listener that takes too little is dropped and told so; whoever tells never notices. Nothing is
kept: what happened before one began to listen is in the store.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Generic, TypeVar

import trio

T = TypeVar("T")

ROOM = 256
"""Things that may wait for one listener."""


class End(StrEnum):
    """Why there is no more to come."""

    LAGGED = "lagged"
    """The listener took too little, and missed what came then."""
    OVER = "over"
    """Who told has ended."""


class Listening(Generic[T]):
    """One listener's share: iterate over it for what happens; *end* says why it ended."""

    def __init__(self, room: int) -> None:
        self._send, self._receive = trio.open_memory_channel[T](room)
        self.end: End | None = None

    def take(self, item: T) -> None:
        """Keep *item* for the listener, or drop the listener."""
        if self.end is not None:
            return
        try:
            self._send.send_nowait(item)
        except trio.WouldBlock:
            self.close(End.LAGGED)

    def close(self, why: End) -> None:
        """Let the listener have what waits, and no more."""
        if self.end is None:
            self.end = why
            self._send.close()

    def __aiter__(self) -> AsyncIterator[T]:
        return self._receive.__aiter__()


class LiveFeed(Generic[T]):
    """Tells all who listen."""

    def __init__(self, *, room: int = ROOM) -> None:
        self._room = room
        self._listening: set[Listening[T]] = set()

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listening)

    def tell(self, item: T) -> None:
        """Tell everybody; never blocks. To be called in the event loop."""
        for each in self._listening:
            each.take(item)

    def end(self) -> None:
        """Let everybody go who listens now; others may come."""
        for each in self._listening:
            each.close(End.OVER)

    @contextmanager
    def listen(self) -> Iterator[Listening[T]]:
        """Listen from now to the end of the block."""
        listening = Listening[T](self._room)
        self._listening.add(listening)
        try:
            yield listening
        finally:
            self._listening.discard(listening)
            listening.close(End.OVER)
