"""The holder of a role: has its work done while this node has it, and otherwise stands by.

A node that stands by is as well as one that works. Losing the role, as the connection to the
database breaks, ends the work at once, and the role is asked for again; work that fails gives the
role back before it is restarted, so that another node may do better. That all this is economy, and
two holders harm nothing, is the store's merit.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import trio

from hsid.observe.logging import get_logger
from hsid.roles import RoleBoard, RoleState
from hsid.store.errors import StoreUnavailableError
from hsid.store.role_lock import RoleLock
from supervision import Context

_log = get_logger("actors.role_holder")


@dataclass(frozen=True, slots=True)
class RoleHolder:
    """Runs *work* while this node has the role of *lock*, and notes on *board* how it stands."""

    lock: RoleLock
    work: Callable[[Context], Awaitable[None]]
    """What the role is for; it returns when its context is asked to stop."""
    board: RoleBoard

    async def run(self, ctx: Context) -> None:
        """Hold the role or wait for it, until asked to stop."""
        self._note(RoleState.NOT_HELD)
        ctx.ready()
        while not ctx.stopping.is_set():
            try:
                if await self._is_obtained(ctx):
                    await self._work(ctx)
            finally:
                await self.lock.release()
                self._note(RoleState.NOT_HELD)
            await ctx.sleep(self.lock.every)

    async def _is_obtained(self, ctx: Context) -> bool:
        """Ask for the role until this node has it; False if it can't be asked for."""
        try:
            await ctx.wait_resumed()
            while not ctx.stopping.is_set():
                if await self.lock.ask():
                    return True
                self._note(RoleState.STANDING_BY)
                await ctx.sleep(self.lock.every)
                await ctx.wait_resumed()
        except StoreUnavailableError as error:
            self._note(RoleState.NOT_HELD, error)
        return False

    async def _work(self, ctx: Context) -> None:
        """Work until the work ends, or the role is lost."""
        self._note(RoleState.HELD)
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_when_lost, nursery.cancel_scope)
            try:
                await self.work(ctx)
            except Exception as error:  # noqa: BLE001 - it is raised below, outside of the nursery
                failure = error
            nursery.cancel_scope.cancel(reason="the work is over")
        if failure is not None:
            raise failure

    async def _end_when_lost(self, work: trio.CancelScope) -> None:
        error = await self.lock.wait_lost()
        _log.warning("role_lost", role=self.lock.role, error=str(error))
        work.cancel(reason="another node may have the role by now")

    def _note(self, state: RoleState, why: Exception | None = None) -> None:
        if self.board.note(self.lock.role, state, datetime.now(UTC)):
            error = {} if why is None else {"error": str(why)}
            _log.info("role_changed", role=self.lock.role, state=state, **error)
