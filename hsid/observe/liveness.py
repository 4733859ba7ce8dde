"""Which parts of the daemon are not alive: busy, and no work done in all that time. Pure.

One late look proves nothing: a process that was suspended, or a machine that slept, is none the
worse. So a look counts for no more than one interval, however much time has passed since the last.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hsid.model import Seconds

PATIENCE: Seconds = 120.0
"""How long a busy part may do nothing: longer than any single call on a slow disk takes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part at one moment; *progress* differs from an earlier one if it has worked since."""

    name: str
    is_busy: bool
    progress: int


class Liveness:
    """Remembers, from look to look, since when each part has been busy in vain.

    *interval* is the time that should lie between two looks, and the most that one counts for.
    """

    def __init__(self, interval: Seconds, patience: Seconds = PATIENCE) -> None:
        self._interval = interval
        self._patience = patience
        self._seen: dict[str, tuple[int, Seconds]] = {}
        self._looked_at: Seconds | None = None

    def look(self, parts: Iterable[Part], now: Seconds) -> tuple[str, ...]:
        """Return the names of those *parts* that have been busy in vain for too long."""
        passed = 0.0 if self._looked_at is None else min(now - self._looked_at, self._interval)
        self._looked_at = now
        seen: dict[str, tuple[int, Seconds]] = {}
        for part in parts:
            if part.is_busy:
                progress, waited = self._seen.get(part.name, (None, 0.0))
                is_in_vain = progress == part.progress
                seen[part.name] = (part.progress, waited + passed if is_in_vain else 0.0)
        self._seen = seen
        return tuple(name for name, (_, waited) in seen.items() if waited >= self._patience)
