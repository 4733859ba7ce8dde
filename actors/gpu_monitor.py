"""The GPU monitor: looks at the graphics cards, keeps their history, says when one is lost.

It harms nothing: the driver's library lives in a process that is given up when it hangs or dies.
The same fault is told once; what is lost is looked for again with growing pauses, and a machine
without cards is hardly looked at.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import trio
from sqlalchemy import Connection

from hsid.gpu.board import Board
from hsid.gpu.cadence import Cadence
from hsid.gpu.pressure import Pressure
from hsid.gpu.process import NvmlProcess
from hsid.gpu.survey import Fault, Outcome, Survey
from hsid.model import GpuReading, Seconds
from hsid.observe.logging import get_logger
from hsid.store import gpu_stats
from hsid.store.errors import StoreUnavailableError
from hsid.store.store import Store
from supervision import Context

_FLUSH_EVERY: Seconds = 60.0
"""Readings are written together: a disk need not wake for each."""
_MOST_WAITING = 1000
"""Readings that wait for a store that is away; the oldest give way."""

_log = get_logger("actors.gpu_monitor")


@dataclass(frozen=True, slots=True)
class GpuMonitor:
    """Looks through *process* every *poll* seconds, and notes what it sees on *board*.

    Readings go to *store* and are deleted there when they are older than *keep*.
    """

    process: NvmlProcess
    board: Board
    store: Store
    poll: Seconds
    keep: timedelta

    async def run(self, ctx: Context) -> None:
        """Look until asked to stop; then store what was read."""
        ctx.ready()
        cadence, teller = Cadence(self.poll), _Teller(self.board)
        history = _History(self.store, self.keep)
        try:
            while not ctx.stopping.is_set():
                await ctx.wait_resumed()
                outcome = await self._look(ctx)
                if outcome is None:
                    continue
                self.board.note(outcome, datetime.now(UTC))
                teller.tell(outcome)
                plan = cadence.after(outcome, self.board.cards, trio.current_time())
                if plan.renew:
                    await self.process.end()
                if isinstance(outcome, Survey):
                    history.add(outcome)
                await history.flush_if_due()
                await ctx.sleep(plan.delay)
            await history.flush()
        finally:
            await self.process.end()

    async def _look(self, ctx: Context) -> Outcome | None:
        """Return what came of a look; None if there is news from above instead."""
        outcome: Outcome | None = None
        with ctx.until_news():
            outcome = await self.process.look()
        return outcome  # noqa: RET504 - the block may be left without it


@dataclass(slots=True)
class _Teller:
    """Says in the log what has changed on *board*, once."""

    board: Board
    _troubles: tuple[str, ...] = ()
    _pressure: Pressure = Pressure.NORMAL
    _found: tuple[str, ...] | None = None

    def tell(self, outcome: Outcome) -> None:
        """Tell what the look that ended in *outcome* has changed."""
        self._tell_cards(outcome)
        self._tell_troubles()
        self._tell_pressure()

    def _tell_cards(self, outcome: Outcome) -> None:
        found = tuple(card.title for card in self.board.cards)
        if found != self._found:
            if not found:
                _log.info("no_gpu", reason=outcome.words if isinstance(outcome, Fault) else "none")
            elif isinstance(outcome, Survey):
                _log.info("gpus_found", gpus=found)
        self._found = found

    def _tell_troubles(self) -> None:
        troubles = self.board.troubles
        for trouble in troubles:
            if trouble not in self._troubles:
                _log.warning("gpu_lost", error=trouble)
        if self._troubles and not troubles:
            _log.info("gpus_are_well_again")
        self._troubles = troubles

    def _tell_pressure(self) -> None:
        pressure = self.board.pressure()
        if pressure is not self._pressure:
            log = _log.info if pressure is Pressure.NORMAL else _log.warning
            log("gpu_memory_pressure", pressure=pressure.value)
        self._pressure = pressure


@dataclass(slots=True)
class _History:
    """Readings on their way into *store*."""

    store: Store
    keep: timedelta
    _waiting: deque[GpuReading] = field(default_factory=lambda: deque(maxlen=_MOST_WAITING))
    _due_at: Seconds = 0.0

    def add(self, survey: Survey) -> None:
        """Have the readings of *survey* stored with the next flush."""
        self._waiting.extend(survey.readings)

    async def flush_if_due(self) -> None:
        """Store what waits, if the last time is long enough ago."""
        if trio.current_time() >= self._due_at:
            await self.flush()

    async def flush(self) -> None:
        """Store what waits, and delete what is too old; what can't be stored goes on waiting."""
        readings, oldest = tuple(self._waiting), datetime.now(UTC) - self.keep
        self._due_at = trio.current_time() + _FLUSH_EVERY
        try:
            await self.store.write(partial(_renew, readings=readings, oldest=oldest))
        except StoreUnavailableError as error:
            _log.warning("gpu_history_waits", error=str(error))
        else:
            self._waiting.clear()


def _renew(conn: Connection, readings: tuple[GpuReading, ...], oldest: datetime) -> None:
    gpu_stats.record(conn, readings)
    gpu_stats.prune(conn, oldest)
