"""The same warning again and again is told once, and then how often it came.

Guarantees that the first is told at once; that those after it are counted, and told by the last of
them with their number, at intervals that grow from 10 seconds to 10 minutes; that none is left
uncounted: what is still untold is told when it has been quiet for 2 minutes, when other warnings
take its place in memory, and at the end. After such a quiet the next one is told at once. Lines
below a warning are never held back.
"""

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import RLock
from typing import Final, Generic, TypeVar

from hsid.model import Seconds
from hsid.observe.logging_format import Fields, fields_of, record_again

T = TypeVar("T")

FIRST_INTERVAL: Final[Seconds] = 10.0
LONGEST_INTERVAL: Final[Seconds] = 600.0
QUIET: Final[Seconds] = 120.0
MOST_KEPT: Final = 256
"""Different warnings that are remembered; the one that came longest ago gives way."""

VOLATILE: Final = frozenset(
    {
        "after", "attempt", "count", "delay", "dropped", "duration_ms", "late_by", "lost", "pause",
        "request_id", "silent_for", "timestamp", "total", "tries", "waiting",
    }
)  # fmt: skip
"""Fields that differ between lines that say the same; any other makes a line another one."""

_TOLD: Final = "_hsid_told"
_DIGITS: Final = re.compile(r"\d+")


@dataclass(slots=True)
class _Story(Generic[T]):
    """What was told of one kind of line, and what was not."""

    due: Seconds
    interval: Seconds
    last_at: Seconds
    untold: int = 0
    last: T | None = None

    def begin_interval(self, now: Seconds, interval: Seconds) -> None:
        self.untold, self.last = 0, None
        self.interval = min(interval, LONGEST_INTERVAL)
        self.due = now + self.interval


class Repeats(Generic[T]):
    """Decides what of repeated lines is told. Pure: it is told the time, which never goes back."""

    def __init__(self) -> None:
        self._stories: OrderedDict[Hashable, _Story[T]] = OrderedDict()
        self._displaced: list[tuple[T, int]] = []

    def note(self, key: Hashable, line: T, now: Seconds) -> int:
        """Return for how many lines *line* is to be told, itself included; 0: not now."""
        story = self._stories.get(key)
        if story is None:
            self._begin(key, now)
            return 1
        self._stories.move_to_end(key)
        is_new = now - story.last_at > QUIET
        story.last_at = now
        if is_new or now >= story.due:
            count = story.untold + 1
            story.begin_interval(now, FIRST_INTERVAL if is_new else 2 * story.interval)
            return count
        story.untold, story.last = story.untold + 1, line
        return 0

    def take_due(self, now: Seconds) -> list[tuple[T, int]]:
        """Return the lines to be told now, each with the number of those that it stands for."""
        due, self._displaced = self._displaced, []
        for key, story in list(self._stories.items()):
            is_quiet = now - story.last_at > QUIET
            if story.last is not None and (is_quiet or now >= story.due):
                due.append((story.last, story.untold))
                story.begin_interval(now, 2 * story.interval)
            if is_quiet:
                del self._stories[key]
        return due

    def take_all(self) -> list[tuple[T, int]]:
        """Return whatever is untold, and forget everything."""
        untold = [(s.last, s.untold) for s in self._stories.values() if s.last is not None]
        untold, self._displaced = self._displaced + untold, []
        self._stories.clear()
        return untold

    def _begin(self, key: Hashable, now: Seconds) -> None:
        if len(self._stories) >= MOST_KEPT:
            _, oldest = self._stories.popitem(last=False)
            if oldest.last is not None:
                self._displaced.append((oldest.last, oldest.untold))
        self._stories[key] = _Story(now + FIRST_INTERVAL, FIRST_INTERVAL, now)


class RepeatFilter(logging.Filter):
    """Holds repeated warnings back from all handlers that have it as a filter, from each alike.

    Somebody calls `tell_due` every now and then, and `tell_all` at the end.
    """

    def __init__(self, clock: Callable[[], Seconds] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._repeats: Repeats[logging.LogRecord] = Repeats()
        self._lock = RLock()  # a signal's handler may log while its thread is in here

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether *record* is to be written; the same for each handler."""
        if record.levelno < logging.WARNING:
            return True
        if _TOLD not in record.__dict__:
            record.__dict__[_TOLD] = self._decide(record, fields_of(record))
        return bool(record.__dict__[_TOLD])

    def tell_due(self) -> None:
        """Write what is to be told by now of the lines that were held back."""
        with self._lock:
            due = self._repeats.take_due(self._clock())
        _tell(due)

    def tell_all(self) -> None:
        """Write whatever was held back."""
        with self._lock:
            untold = self._repeats.take_all()
        _tell(untold)

    def _decide(self, record: logging.LogRecord, fields: Fields) -> bool:
        with self._lock:
            count = self._repeats.note(
                _key(record, fields), record_again(record, fields), self._clock()
            )
        if count > 1:
            fields["repeated"] = count
        return count > 0


def _tell(lines: list[tuple[logging.LogRecord, int]]) -> None:
    for record, count in lines:
        again = record_again(record, {**fields_of(record), "repeated": count})
        again.__dict__[_TOLD] = True
        logging.getLogger().handle(again)


def _key(record: logging.LogRecord, fields: Fields) -> Hashable:
    """Return what is the same for lines that say the same; only a number, as texts may be long."""
    parts = ((name, _alike(name, value)) for name, value in fields.items() if name not in VOLATILE)
    return hash((record.levelno, *parts))


def _alike(name: str, value: object) -> str:
    """Return *value* as text; how long it took and how often it was tried makes no other error."""
    return _DIGITS.sub("#", str(value)) if name in ("error", "exception") else str(value)
