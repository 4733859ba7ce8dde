"""The steersman: has the settings read anew when SIGHUP came, and what that stopped brought back.

A reload that is refused has been told in the log; it is no failure of this actor.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from hsid.controls import Controls, ReloadRefusedError
from hsid.model import Seconds
from hsid.notices import Notice
from supervision import Context

_LOOK_EVERY: Seconds = 2.0
"""Between two tries to bring up what a reload has stopped."""


@dataclass(frozen=True, slots=True)
class Steersman:
    """Reloads through *controls* whenever *hangup* was given."""

    controls: Controls
    hangup: Notice
    raise_fallen: Callable[[], Awaitable[None]]

    async def run(self, ctx: Context) -> None:
        """Heed SIGHUP until asked to stop."""
        ctx.ready()
        while not ctx.stopping.is_set():
            if await self.hangup.wait_within(_LOOK_EVERY, ctx):
                with suppress(ReloadRefusedError):  # it was told in the log, and nothing changed
                    await self.controls.reload()
            await self.raise_fallen()
