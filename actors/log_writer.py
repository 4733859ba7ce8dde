"""The log writer: carries the log into the store, and has repeated warnings told in time.

It fails over nothing. While the store is away the lines wait and the oldest give way; when it is
back, how many those were is told in the log, and by a line in the database, where the gap is. What
it logs itself never becomes a line to carry (`hsid.observe.logging_database`). Lines that come
after its end are in the other places of the log only.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from logging import WARNING

import trio
from sqlalchemy.exc import SQLAlchemyError

from hsid.model import Seconds
from hsid.observe.logging import get_logger, tell_repeats
from hsid.observe.logging_database import WAITING_LINES, LineBacklog, LogLine
from hsid.queues.retry import Backoff, RetryPolicy
from hsid.store import logs
from hsid.store.errors import StoreUnavailableError
from hsid.store.store import Store
from supervision import Context

_EVERY: Seconds = 2.0
"""Lines are stored together: a disk need not wake for each."""
_MOST_AT_ONCE = 200
"""In one transaction, so that others who write need not wait for long."""
_RETRY = RetryPolicy(first=2.0, longest=30.0)
_TELL_EVERY: Seconds = 60.0

_NAME = "actors.log_writer"
_log = get_logger(_NAME)


@dataclass(frozen=True, slots=True)
class LogWriter:
    """Carries what waits in *backlog* into *store*."""

    store: Store
    backlog: LineBacklog = WAITING_LINES

    async def run(self, ctx: Context) -> None:
        """Carry until asked to stop, and then what is left, if the store takes it."""
        ctx.ready()
        losses = _Losses(self.backlog)
        retry = Backoff(_RETRY, random.Random())  # noqa: S311 - spreads retries, guards nothing
        pause = _EVERY
        while await ctx.sleep(pause):
            await ctx.wait_resumed()
            tell_repeats()
            if await self._carry(ctx):
                losses.tell_if_due()
                retry.succeed()
                pause = _EVERY
            else:
                pause = retry.fail()
        await self._carry(ctx)

    async def _carry(self, ctx: Context) -> bool:
        """Store all that waits; tell whether the store took it."""
        while lines := self.backlog.take(_MOST_AT_ONCE):
            try:
                await self.store.write(partial(logs.record, lines=lines))
            except StoreUnavailableError as error:
                self.backlog.put_back()
                _log.warning("log_lines_wait", waiting=len(self.backlog), error=str(error))
                return False
            except SQLAlchemyError as error:
                self.backlog.give_up()
                _log.error("log_lines_refused", count=len(lines), error=str(error))
            ctx.beat()
        return True


@dataclass(slots=True)
class _Losses:
    """Tells how many lines of *backlog* were lost, if there are more than the last time."""

    backlog: LineBacklog
    _told: int = 0
    _told_at: Seconds = float("-inf")

    def tell_if_due(self) -> None:
        """Tell now, unless that was done a moment ago."""
        dropped, now = self.backlog.dropped, trio.current_time()
        if dropped == self._told or now - self._told_at < _TELL_EVERY:
            return
        self._told, self._told_at = dropped, now
        _log.warning("log_lines_dropped", dropped=dropped)
        fields = {"dropped": dropped}
        line = LogLine(datetime.now(UTC), WARNING, _NAME, "log_lines_dropped", fields)
        self.backlog.add(line, len(str(fields)))
