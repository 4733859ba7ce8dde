"""Lengths of time as options: 90, 90s, 10m, 2h. Imports nothing heavy."""

import re
from typing import Any

import click

from hsid.cli import text

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhd]?)", re.ASCII)
_LONGEST = 7 * 86_400.0
"""A week, as the API has it; the system's own timers take no more than some of those."""


class Span(click.ParamType[float]):
    """A length of time: 90, 90s, 10m, 2h; more than none, and a week at most."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return *value* in seconds."""
        if isinstance(value, float):
            return value
        parts = _SPAN.fullmatch(str(value))
        seconds = float(parts[1]) * _UNITS[parts[2]] if parts else 0.0
        if not 0 < seconds <= _LONGEST:
            words = f"{text.printable(value)[:40]!r} is no time up to a week; write 90s, 10m or 2h."
            self.fail(words, param, ctx)
        return seconds
