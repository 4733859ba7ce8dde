"""Every change that somebody asks for is recorded: when, by which door, who, what, and its result.

A failed one is recorded as well, with why. The record is written after the change; where the
database can't take it in time, the log has all of it, so that an operator can act while the
database is away. Dry runs change nothing and are not recorded.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import trio
from starlette.requests import Request

from hsid.api.peer import peer_in
from hsid.model import Seconds
from hsid.observe.logging import get_logger, get_request_id
from hsid.observe.logging_redaction import sanitize_error
from hsid.store.errors import StoreError

Details: TypeAlias = Mapping[str, str | int | bool | None]

CONTROL_SOCKET = "control socket"
"""The door that all changes come by at present."""

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


async def actor_of(request: Request) -> str:
    """Return by which door *request* came, and whose it is as far as the kernel tells."""
    peer = peer_in(request)
    if peer is None:
        return CONTROL_SOCKET
    words = f"uid {peer.uid}, pid {peer.pid}"
    with trio.move_on_after(_NAMING_PATIENCE):
        words = await trio.to_thread.run_sync(peer.describe, abandon_on_cancel=True)
    return f"{CONTROL_SOCKET}: {words}"


class Audit:
    """Records changes; *write* stores a record, and may raise `StoreError`."""

    def __init__(self, write: Callable[[Change], Awaitable[None]]) -> None:
        self._write = write

    @asynccontextmanager
    async def change(
        self, request: Request, action: str, target: str | None = None, **details: str | int | bool
    ) -> AsyncIterator[Change]:
        """Record what the block does, done or failed; yields the record for more details."""
        change = Change(await actor_of(request), action, target, dict(details))
        change.details["request_id"] = get_request_id()
        try:
            yield change
        except BaseException as error:
            change.error = sanitize_error(error) if isinstance(error, Exception) else "cut short"
            with trio.CancelScope(shield=True):  # bounded inside
                await self._note(change)
            raise
        await self._note(change)

    async def _note(self, change: Change) -> None:
        facts: dict[str, object] = {"by": change.actor, "action": change.action}
        facts |= {"target": change.target, "details": change.details}
        if change.error is None:
            _log.info("change_made", **facts)
        else:
            _log.warning("change_failed", error=change.error, **facts)
        try:
            with trio.fail_after(_PATIENCE):
                await self._write(change)
        except (StoreError, trio.TooSlowError) as error:
            _log.error("change_not_recorded", reason=str(error), error=change.error, **facts)
