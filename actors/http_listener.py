"""The HTTP listener: answers machines over TCP, with metrics and the state of health.

An address that is taken is its failure alone: it is tried again, and the pipeline goes on.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from hsid.api.probes import create_probes_app
from hsid.api.server import serve_on
from hsid.observe.metrics import Pages
from supervision import Context


@dataclass(frozen=True, slots=True)
class HttpListener:
    """Serves *pages* on the sockets that *listen* returns, bound; each run asks for new ones."""

    pages: Pages
    listen: Callable[[], Awaitable[Sequence[socket.socket]]]

    async def run(self, ctx: Context) -> None:
        """Serve until asked to stop; requests under way get a moment to finish.

        Raises:
            ListenError: The address can't be listened on at present.
        """
        listeners = await self.listen()
        try:
            app = create_probes_app(self.pages)
            await serve_on(app, listeners, ready=ctx.ready, stopping=ctx.stopping)
        finally:
            for listener in listeners:
                listener.close()
