"""The store writer: owns the one thread that writes to the database.

While it is down, requests wait. It fails only when the database can't be opened or is damaged,
which no restart of anything else would mend.
"""

from dataclasses import dataclass

import trio

from hsid.store.store import Store
from supervision import Context


@dataclass(frozen=True, slots=True)
class StoreWriter:
    """Runs *store*."""

    store: Store

    async def run(self, ctx: Context) -> None:
        """Serve writers until asked to stop; what was handed in by then is committed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._serve, ctx)
            await ctx.stopping.wait()
            nursery.cancel_scope.cancel()

    async def _serve(self, ctx: Context) -> None:
        await self.store.serve(ready=ctx.ready)
