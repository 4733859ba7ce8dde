"""What tests of supervised code need: small children with one vice each, and a sink that remembers.

Every child is an object to be called with a `Context`; a `Script` plays a different one in each
incarnation. All of them keep to the virtual clock, and none starts a thread.
"""

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import trio

from supervision._context import Context
from supervision._errors import IgnoreStart
from supervision._events import ChildEvent, Event
from supervision._hard_exit import exit_process
from supervision._outcome import Seconds
from supervision._services import RootServices
from supervision._spec import ChildMain
from supervision._supervisor import Supervisor

EventType = TypeVar("EventType", bound=Event)


class ChildError(Exception):
    """What the children here raise unless told otherwise."""


class Obedient:
    """Is ready after *start_for* seconds, and leaves when asked or cancelled."""

    def __init__(self, start_for: Seconds = 0.0, value: object = None) -> None:
        self._start_for = start_for
        self._value = value

    async def __call__(self, ctx: Context) -> None:
        """Run until asked."""
        await trio.sleep(self._start_for)
        ctx.ready(self._value)
        await ctx.stopping.wait()


class CrashesAfter:
    """Is ready, works for *seconds*, and raises *error*."""

    def __init__(self, seconds: Seconds = 0.0, error: Exception | None = None) -> None:
        self._seconds = seconds
        self._error = error or ChildError("crashed")

    async def __call__(self, ctx: Context) -> None:
        """Crash in time."""
        ctx.ready()
        await trio.sleep(self._seconds)
        raise self._error


class FinishesAfter:
    """Is ready, works for *seconds*, and returns."""

    def __init__(self, seconds: Seconds = 0.0) -> None:
        self._seconds = seconds

    async def __call__(self, ctx: Context) -> None:
        """Finish in time."""
        ctx.ready()
        await trio.sleep(self._seconds)


class FailsToStart:
    """Raises *error* after *seconds*, before it is ready."""

    def __init__(self, seconds: Seconds = 0.0, error: Exception | None = None) -> None:
        self._seconds = seconds
        self._error = error or ChildError("no start")

    async def __call__(self, ctx: Context) -> None:  # noqa: ARG002 - the signature of a child
        """Fail."""
        await trio.sleep(self._seconds)
        raise self._error


class NeverReady:
    """Runs without ever saying that it is ready."""

    async def __call__(self, ctx: Context) -> None:  # noqa: ARG002 - the signature of a child
        """Hang."""
        await trio.sleep_forever()


class ReturnsEarly:
    """Returns without having been ready."""

    async def __call__(self, ctx: Context) -> None:  # noqa: ARG002 - the signature of a child
        """Return."""
        await trio.lowlevel.checkpoint()


class DeclinesToStart:
    """Has nothing to do."""

    async def __call__(self, ctx: Context) -> None:  # noqa: ARG002 - the signature of a child
        """Decline."""
        await trio.lowlevel.checkpoint()
        raise IgnoreStart("nothing to do")


class CleansUpFor:
    """Ignores the asking; once cancelled it needs *seconds* more, then raises *error*, if any."""

    def __init__(self, seconds: Seconds, error: Exception | None = None) -> None:
        self._seconds = seconds
        self._error = error

    async def __call__(self, ctx: Context) -> None:
        """Run until cancelled, and a while longer."""
        ctx.ready()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(self._seconds)
            if self._error is not None:
                raise self._error


class Stubborn:
    """Neither listens nor lets itself be cancelled, for *seconds*: what makes a zombie."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds

    async def __call__(self, ctx: Context) -> None:
        """Run to the end, come what may."""
        ctx.ready()
        with trio.CancelScope(shield=True):
            await trio.sleep(self._seconds)


class SwallowsCancel:
    """Catches its cancel and returns as if nothing had been: an error trio can't forbid."""

    async def __call__(self, ctx: Context) -> None:
        """Run until cancelled."""
        ctx.ready()
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            return  # exactly the vice that this child is for


class BeatsFor:
    """Beats every *interval* seconds for *seconds*, then hangs in silence."""

    def __init__(self, interval: Seconds, seconds: Seconds = math.inf) -> None:
        self._interval = interval
        self._seconds = seconds

    async def __call__(self, ctx: Context) -> None:
        """Beat, then hang."""
        ctx.ready()
        with trio.move_on_after(self._seconds):
            while True:
                ctx.beat()
                await trio.sleep(self._interval)
        await trio.sleep_forever()


class Script:
    """Plays one child per incarnation; the last one for all that follow."""

    def __init__(self, *acts: ChildMain) -> None:
        self._acts = acts

    async def __call__(self, ctx: Context) -> None:
        """Play the act of this incarnation."""
        await self._acts[min(ctx.incarnation, len(self._acts)) - 1](ctx)


class EventRecorder:
    """A sink that keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        """Keep *event*."""
        self.events.append(event)

    def of(self, kind: type[EventType], child: str | None = None) -> list[EventType]:
        """Return the events of one kind, of one child if named, in order."""
        found = [each for each in self.events if isinstance(each, kind)]
        return [e for e in found if child is None or getattr(e, "child", None) == child]

    def trace(self, *kinds: type[ChildEvent]) -> list[str]:
        """Return the children's events as `name child#incarnation`; of these *kinds*, if given."""
        wanted = kinds or (ChildEvent,)
        return [
            f"{each.name} {each.child}#{each.incarnation}"
            for each in self.events
            if isinstance(each, ChildEvent) and isinstance(each, wanted)
        ]


@asynccontextmanager
async def running(supervisor: Supervisor) -> AsyncIterator[Supervisor]:
    """Run *supervisor* as a root for the length of the block; it is ready when the block begins.

    What ends the supervisor with an error comes out of the block in an exception group, as from any
    nursery.
    """
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        yield supervisor
        supervisor.stop()


@contextmanager
def lone_context(
    path: str = "test/lone", *, heartbeat_timeout: Seconds | None = None
) -> Iterator[Context]:
    """Give a context that no supervisor owns, to run a child's function or to read a mailbox.

    The test is the supervisor: it may `ask_to_stop` and `set_paused`. When the block ends, so does
    the incarnation, as far as its mailboxes and those that wait for its answers are concerned.
    """
    ctx = Context(
        path,
        incarnation=1,
        services=RootServices(EventRecorder(), None, exit_process),
        on_ready=lambda: None,
        heartbeat_timeout=heartbeat_timeout,
    )
    try:
        yield ctx
    finally:
        ctx.close()
