"""What the parts of a consumer need of the actor that runs them, and waits that respect it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

import trio

from hsid.model import Seconds

BEAT_EVERY: Seconds = 2.0
"""The longest a part waits before it shows again that it is alive."""


class Lifetime(Protocol):
    """One incarnation of an actor; a `supervision.Context` is one."""

    @property
    def stopping(self) -> trio.Event:
        """Set when the actor is asked to finish what it has begun, and return."""
        ...

    def ready(self) -> None:
        """Say that the work has begun."""
        ...

    def beat(self) -> None:
        """Say that the work goes on."""
        ...


class Attendant:
    """Waits that end when there is something to do for the actor: to beat, or to stop."""

    def __init__(self, life: Lifetime) -> None:
        self._life = life
        self._wait: trio.CancelScope | None = None

    @property
    def is_stopping(self) -> bool:
        """Tell whether the actor was asked to stop."""
        return self._life.stopping.is_set()

    def beat(self) -> None:
        """Say that the work goes on."""
        self._life.beat()

    @contextmanager
    def wait(self, longest: Seconds = BEAT_EVERY) -> Iterator[None]:
        """Bound what the block awaits to *longest*, and to the request to stop."""
        self.beat()
        with trio.move_on_after(min(longest, BEAT_EVERY)) as self._wait:
            if self.is_stopping:
                self._wait.cancel()
            yield
        self._wait = None

    async def sleep(self, delay: Seconds) -> None:
        """Sleep, beating, whether asked to stop or not."""
        end = trio.current_time() + delay
        while (left := end - trio.current_time()) > 0:
            self.beat()
            await trio.sleep(min(left, BEAT_EVERY))

    async def rest(self, longest: Seconds) -> None:
        """Do nothing, beating, for *longest* or until asked to stop."""
        end = trio.current_time() + longest
        while not self.is_stopping and (left := end - trio.current_time()) > 0:
            with self.wait(left):
                await trio.sleep_forever()

    async def watch(self) -> None:
        """End the present wait when the actor is asked to stop."""
        await self._life.stopping.wait()
        if self._wait is not None:
            self._wait.cancel()


@asynccontextmanager
async def attended(life: Lifetime) -> AsyncIterator[Attendant]:
    """Give an attendant of *life* for the time of the block."""
    attendant = Attendant(life)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(attendant.watch)
        yield attendant
        nursery.cancel_scope.cancel()
