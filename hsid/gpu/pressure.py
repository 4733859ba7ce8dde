"""How full a card's memory is, in a word, and what the detector makes of it.

Full memory makes a detection service slow at first, and then fail. So while a card runs full the
detector rests between pictures: a share of the time that one takes, whatever that is.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

import trio

from hsid.model import Seconds

Result = TypeVar("Result")


class Pressure(StrEnum):
    """How full a card's memory is."""

    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


_ORDER = tuple(Pressure)
_FROM = {Pressure.NORMAL: 0.0, Pressure.HIGH: 0.85, Pressure.CRITICAL: 0.95}
"""The share of a card's memory from which on it is under this pressure."""
_MARGIN = 0.03
"""How far below that the share must fall again: one that sways about it is no news each time."""

_REST = {Pressure.NORMAL: 0.0, Pressure.HIGH: 1.0, Pressure.CRITICAL: 3.0}
"""How long the detector rests, in times that one picture takes: half and a quarter of its pace."""
_LONGEST_REST: Seconds = 10.0
"""A picture that ran into a timeout is no measure."""


def next_pressure(before: Pressure, used_ratio: float | None) -> Pressure:
    """Return the pressure at *used_ratio* of a card that was under *before*.

    A card that can't tell how full it is holds nothing up.
    """
    if used_ratio is None:
        return Pressure.NORMAL
    return max(
        (one for one in Pressure if used_ratio >= _FROM[one] - _margin(one, before)),
        key=_ORDER.index,
        default=Pressure.NORMAL,
    )


def strongest(pressures: list[Pressure]) -> Pressure:
    """Return the strongest of *pressures*, normal if there is none."""
    return max(pressures, key=_ORDER.index, default=Pressure.NORMAL)


def _margin(one: Pressure, before: Pressure) -> float:
    return _MARGIN if _ORDER.index(one) <= _ORDER.index(before) else 0.0


class Throttle:
    """Rests before each piece of work, as long as *pressure* asks for; shared by all who do it."""

    def __init__(self, pressure: Callable[[], Pressure] = lambda: Pressure.NORMAL) -> None:
        self._pressure = pressure
        self._last: Seconds = 0.0

    async def run(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Return what *work* returns, after a rest that is measured by the work done last."""
        await trio.sleep(min(self._last * _REST[self._pressure()], _LONGEST_REST))
        began = trio.current_time()
        try:
            return await work()
        finally:
            self._last = trio.current_time() - began
