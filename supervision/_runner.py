"""Running one incarnation: from the child's function to the notice of how it ended.

Every way out that belongs to the child becomes an `Ending`. What is not the child's (a cancel from
outside its own scope, KeyboardInterrupt, any other BaseException) passes through and takes the tree
down, on purpose.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeAlias

import trio

from supervision._context import Context
from supervision._errors import DoNotRestart, FatalChildError, IgnoreStart
from supervision._outcome import (
    ChildId,
    Declined,
    Ending,
    Failure,
    Raised,
    Returned,
    StopCause,
    leaves,
)
from supervision._spec import ChildSpec

Ancestry: TypeAlias = tuple[tuple[object, ChildId], ...]

NO_ANCESTRY: Ancestry = ()
ancestry: ContextVar[Ancestry] = ContextVar("ancestry", default=NO_ANCESTRY)
"""The lives and children that the current task runs under: who waits for whom."""


class Incarnation:
    """One run of a child: its scope, its context, and the task around both."""

    def __init__(self, spec: ChildSpec, ctx: Context, owner: object) -> None:
        self.spec = spec
        self.ctx = ctx
        self._owner = owner
        self._scope = trio.CancelScope()

    @property
    def name(self) -> str:
        """What the task is called in dumps: path and number."""
        return f"{self.ctx.path}#{self.ctx.incarnation}"

    async def run(self, on_end: Callable[[Ending], None]) -> None:
        """Run the child and say how it ended; *on_end* must not raise."""
        ancestry.set((*ancestry.get(), (self._owner, self.spec.id)))
        ending: Ending = Returned()
        try:
            with self._scope:
                await self.spec.start(self.ctx)
        except Exception as error:  # noqa: BLE001 - whatever the child raises is its outcome
            ending = ending_of(error, self.spec.fatal)
        finally:
            self.ctx.close()
        on_end(ending)

    def ask(self) -> None:
        """Set the child's `stopping`."""
        self.ctx.ask_to_stop()

    def cancel(self, cause: StopCause) -> None:
        """Cancel the child's scope."""
        self._scope.cancel(reason=f"supervisor: {cause.value}")

    def fence(self) -> None:
        """Give the incarnation up: it gets no more messages, and the core drops its notices."""
        self.ctx.fence()


def ending_of(error: Exception, fatal: tuple[type[Exception], ...]) -> Ending:
    """Read *error*, alone or a group, as an ending."""
    found = list(leaves(error))
    if all(isinstance(each, IgnoreStart) for each in found):
        return Declined(str(found[0]))
    is_fatal = any(isinstance(each, (DoNotRestart, FatalChildError, *fatal)) for each in found)
    return Raised(Failure.of(error), is_fatal=is_fatal)
