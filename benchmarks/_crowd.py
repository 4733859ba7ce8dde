"""Many children that crash at one signal, and a sink that tells when enough has happened."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from supervision import (
    Backoff,
    BaseSupervisor,
    ChildSpec,
    Context,
    DynamicSupervisor,
    Event,
    OnExhausted,
    Restart,
    Supervisor,
)


class CrashError(Exception):
    """What the children here die of."""


class Tally:
    """A sink that counts events and keeps none."""

    def __init__(self) -> None:
        self._counts: Counter[type[Event]] = Counter()
        self._awaited: type[Event] = Event
        self._target = 0
        self._reached = trio.Event()

    def emit(self, event: Event) -> None:
        """Count *event*."""
        kind = type(event)
        self._counts[kind] += 1
        if kind is self._awaited and self._counts[kind] == self._target:
            self._reached.set()

    async def wait_for(self, kind: type[Event], count: int) -> None:
        """Wait until *kind* has come *count* times more."""
        self._awaited, self._target = kind, self._counts[kind] + count
        self._reached = trio.Event()
        await self._reached.wait()


class Crowd:
    """*count* children; the first incarnation of each waits for the *signal* and crashes."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.signal = trio.Event()
        self.tally = Tally()

    def declared(self, restart: Restart) -> Supervisor:
        """Return the supervisor that names them all."""
        children = [self._spec(f"child-{number}", restart) for number in range(self.count)]
        return Supervisor("crowd", children, sink=self.tally)

    def dynamic(self) -> DynamicSupervisor:
        """Return the supervisor that starts them one by one, as somebody asks."""
        return DynamicSupervisor("crowd", self._spec("child", Restart.TEMPORARY), sink=self.tally)

    def _spec(self, name: str, restart: Restart) -> ChildSpec:
        return ChildSpec(
            name,
            self._run,
            restart=restart,
            backoff=Backoff.none(),
            on_exhausted=OnExhausted.NEVER,
        )

    async def _run(self, ctx: Context) -> None:
        ctx.ready()
        if ctx.incarnation == 1:
            await self.signal.wait()
            raise CrashError
        await ctx.stopping.wait()


@asynccontextmanager
async def running(supervisor: BaseSupervisor, clock: Callable[[str], None]) -> AsyncIterator[None]:
    """Run *supervisor* for the block; *clock* is told of `start` and `stop` when they are over."""
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        clock("start")
        yield
        clock("work")
        supervisor.stop()
    clock("stop")
