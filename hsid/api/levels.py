"""What is logged, changed while the daemon runs; for a while only, if that is asked for.

A level that somebody set for a while goes back by itself to what it was, unless it was changed
again meanwhile. That is kept in memory: a daemon that is started anew logs as its settings say.
"""

import math
from dataclasses import dataclass

import trio

from hsid.api.log_models import LevelAsked, LevelList, LevelReport
from hsid.model import Seconds
from hsid.observe.logging import get_logger, levels, set_level

ROOT = "root"
"""The logger above all others."""

_log = get_logger("hsid.levels")


@dataclass(frozen=True, slots=True)
class _Loan:
    """A level that is in force until *due*; *former* is None where the logger had none."""

    level: str
    former: str | None
    due: Seconds


class LevelControl:
    """Sets levels, and sets them back in time while `run` runs."""

    def __init__(self) -> None:
        self._loans: dict[str, _Loan] = {}
        self._changed = trio.Event()

    def list_all(self) -> LevelList:
        """Return the loggers that have a level of their own."""
        reports = (self._report(name, level) for name, level in levels().items())
        return LevelList(levels=tuple(reports))

    def set(self, asked: LevelAsked) -> LevelReport:
        """Have a logger, and those below it, log from a level on."""
        name = asked.logger or ROOT
        loan = self._loans.pop(name, None)
        former = loan.former if loan else levels().get(name)
        _set(name, asked.level)
        if asked.for_seconds is not None:
            due = trio.current_time() + asked.for_seconds
            self._loans[name] = _Loan(asked.level, former, due)
            self._changed.set()
        return self._report(name, asked.level)

    async def run(self) -> None:
        """Set levels back when their time is over, until cancelled."""
        while True:
            self._changed = trio.Event()
            with trio.move_on_at(
                min((each.due for each in self._loans.values()), default=math.inf)
            ):
                await self._changed.wait()
            self._set_back(trio.current_time())

    def _set_back(self, now: Seconds) -> None:
        over = {name: loan for name, loan in self._loans.items() if loan.due <= now}
        for name, loan in over.items():
            del self._loans[name]
            if levels().get(name) == loan.level:  # nobody has changed it since
                _set(name, loan.former)
                _log.info("log_level_set_back", logger_name=name, level=loan.former)

    def _report(self, name: str, level: str) -> LevelReport:
        loan = self._loans.get(name)
        is_lent = loan is not None and loan.level == level  # else a reload has changed it since
        left = max(0.0, loan.due - trio.current_time()) if loan and is_lent else None
        return LevelReport(logger=name, level=level, seconds_left=left)


def _set(name: str, level: str | None) -> None:
    set_level(level or "NOTSET", None if name == ROOT else name)
