"""A role that one node at a time is to have, for the daemon's tasks.

Guarantees that no question to the server lasts for ever and that a lost connection is a lost role;
`hsid.store.role_session` says what the lock is. Its calls run in a thread of their own, one at a
time.
"""

import trio

from hsid.model import Seconds
from hsid.roles import Role
from hsid.store.errors import ConnectionLostError, StoreUnavailableError
from hsid.store.role_session import RoleSession

ASK_EVERY: Seconds = 1.0
"""How often those who have a role, and those who want it, ask."""
_ANSWERED_WITHIN: Seconds = 5.0
_CONNECTED_WITHIN: Seconds = 20.0
"""Several addresses may have to be tried, for 5 s each."""
_CLOSED_WITHIN: Seconds = 2.0


class RoleLock:
    """*role* on the database that *url* names; for one task at a time, over and over."""

    def __init__(self, url: str, role: Role, *, every: Seconds = ASK_EVERY) -> None:
        self.role = role
        self.every = every
        self._url = url
        # Of one: a new session waits until the last call of the one before is really over.
        self._thread = trio.CapacityLimiter(1)
        self._session: RoleSession | None = None

    async def ask(self) -> bool:
        """Ask for the role, or whether it is still this node's; return whether it is.

        *Cancellation*: leaves at once, and the session ends.

        Raises:
            StoreUnavailableError: The server is away, silent, or has ended the session.
        """
        session, limit = self._session, _ANSWERED_WITHIN
        if session is None:
            session, limit = RoleSession(self._url, self.role), _CONNECTED_WITHIN
            self._session = session
        with trio.move_on_after(limit):
            try:
                return await trio.to_thread.run_sync(
                    session.ask, abandon_on_cancel=True, limiter=self._thread
                )
            except trio.Cancelled:
                session.cut()
                raise
        raise ConnectionLostError(f"the database has not answered for {limit:.0f} s")

    async def wait_lost(self) -> StoreUnavailableError:
        """Wait until the role, which this node has, is lost; return how that came."""
        while True:
            try:
                await self._wait_for_news()
                await self.ask()
            except StoreUnavailableError as error:
                return error

    async def release(self) -> None:
        """Give the role back, and end the session.

        *Cancellation*: does so first, for at most 2 s; then the server finds it out.
        """
        session, self._session = self._session, None
        if session is not None:
            with trio.move_on_after(_CLOSED_WITHIN, shield=True):
                await trio.to_thread.run_sync(
                    session.close, abandon_on_cancel=True, limiter=self._thread
                )

    async def _wait_for_news(self) -> None:
        """Wait until it is time to ask; less if the server has something to say."""
        wire = self._session.wire if self._session is not None else None
        if wire is None:
            raise ConnectionLostError("there is no session that could have the role")
        with trio.move_on_after(self.every):
            await trio.lowlevel.wait_readable(wire)
