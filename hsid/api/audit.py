"""Every change that somebody asks for is recorded: when, by which door, who, what, and its result.

A failed one is recorded as well, with why. The record is written after the change; where the
database can't take it in time, the log has all of it, so that an operator can act while the
database is away. Dry runs change nothing and are not recorded.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import trio
from starlette.requests import Request

from hsid.api.peer import peer_in
from hsid.model import Seconds
from hsid.observe.logging import get_logger, get_request_id
from hsid.observe.logging_redaction import sanitize_error
from hsid.store.errors import StoreError

Details: TypeAlias = Mapping[str, str | int | bool | None]

_PATIENCE: Seconds = 5.0
_NAMING_PATIENCE: Seconds = 1.0

_log = get_logger("hsid.audit")


@dataclass(slots=True)
class Change:
    """What is recorded of a change; *details* may be added to while it is made."""

    actor: str
    """The door, and who came through it."""
    action: str
    """As `actor.pause`; programs may compare it."""
    target: str | None = None
    details: dict[str, str | int | bool | None] = field(default_factory=dict)
    error: str | None = None


class Audit:
    """Records changes that come through the door called *listener*.

    *write* stores a record; it may raise `StoreError`.
    """

    def __init__(self, listener: str, write: Callable[[Change], Awaitable[None]]) -> None:
        self._listener = listener
        self._write = write

    @asynccontextmanager
    async def change(
        self, request: Request, action: str, target: str | None = None, **details: str | int | bool
    ) -> AsyncIterator[Change]:
        """Record what the block does, done or failed; yields the record for more details."""
        change = Change(await self.actor(request), action, target, dict(details))
        change.details["request_id"] = get_request_id()
        try:
            yield change
        except BaseException as error:
            change.error = sanitize_error(error) if isinstance(error, Exception) else "cut short"
            with trio.CancelScope(shield=True):  # bounded inside
                await self._note(change)
            raise
        await self._note(change)

    async def actor(self, request: Request) -> str:
        """Return the door and who asks, for those who record a change in its own transaction."""
        peer = peer_in(request)
        if peer is None:
            return self._listener
        words = f"uid {peer.uid}, pid {peer.pid}"
        with trio.move_on_after(_NAMING_PATIENCE):
            describe = partial(trio.to_thread.run_sync, peer.describe, abandon_on_cancel=True)
            words = await describe()
        return f"{self._listener}: {words}"

    async def _note(self, change: Change) -> None:
        facts = {"by": change.actor, "action": change.action, "target": change.target}
        facts |= {"details": change.details}
        if change.error is None:
            _log.info("change_made", **facts)
        else:
            _log.warning("change_failed", error=change.error, **facts)
        try:
            with trio.fail_after(_PATIENCE):
                await self._write(change)
        except (StoreError, trio.TooSlowError) as error:
            _log.error("change_not_recorded", reason=str(error), error=change.error, **facts)
