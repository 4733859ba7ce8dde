"""When a file is complete: a state machine without clock and I/O.

A file is complete when it was renamed into place or closed by its writer; else when its size and
mtime did not change for a while and it ends as a picture of its kind has to. One that keeps growing
stays pending, however long. One that stays still without a proper end goes to inspection at last,
which will say what is wrong with it.

The version told last of a path is not told again; versions told long ago are forgotten, the ledger
is what remembers them. Memory is bounded: what finds no room is left to a later scan.

The caller hands in hints, asks what is `due`, looks at it, and tells `observe` what it saw. Times
are seconds of any one monotonic clock.
"""

import heapq
import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

from hsid.intake.hints import Look, Stamp
from hsid.intake.names import is_candidate_path
from hsid.model import Seconds

_REMEMBERED = 4_096
_LEAST_PATIENCE: Seconds = 60.0
_PATIENCE_FACTOR = 10
_LEAST_INTERVAL: Seconds = 0.1
"""Between two looks at a file, should the settle time be zero."""


class Verdict(Enum):
    """What a look at a file led to."""

    COMPLETE = auto()
    """Inspect it, in the version that was seen."""
    WAIT = auto()
    """It stays pending and will be due again."""
    REPEATED = auto()
    """This version was told complete before: nothing to do."""
    GONE = auto()
    """It went away before it was complete: nothing to do."""


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A file that is not complete yet, as people see it."""

    path: bytes
    size: int | None
    """None while it was not looked at."""
    age: Seconds
    """Since the first hint of it."""
    quiet: Seconds
    """Since it was last seen to change."""


@dataclass(frozen=True, slots=True)
class SettlingStatistics:
    """How many files are pending, and how many hints led nowhere and why."""

    pending: int
    ignored: int
    """No upload is called like that."""
    repeated: int
    gone: int


@dataclass(slots=True)
class _Entry:
    since: Seconds
    changed_at: Seconds
    stamp: Stamp | None
    is_finished: bool
    """Its writer is known to be done."""
    next_look: Seconds
    """Infinite while a look is under way."""


class Settling:
    """The files of one watch root that may not be complete yet."""

    def __init__(self, settle_seconds: Seconds, *, max_pending: int = 20_000) -> None:
        """Start with none.

        Args:
            settle_seconds: How long a file has to stay unchanged if nothing else tells its end.
            max_pending: How many files to keep in mind at most.
        """
        self._settle_seconds = settle_seconds
        self._patience = max(_LEAST_PATIENCE, _PATIENCE_FACTOR * settle_seconds)
        self._max_pending = max_pending
        self._entries: dict[bytes, _Entry] = {}
        # Holds at least one item for each entry that waits; items that no longer match are stale.
        self._looks: list[tuple[Seconds, bytes]] = []
        self._told: OrderedDict[bytes, Stamp] = OrderedDict()
        self._overlooked = False
        self._ignored = self._repeated = self._gone = 0

    def finished(self, path: bytes, now: Seconds) -> None:
        """Note that the writer of *path* has closed it or moved it in: it is due at once."""
        entry = self._entry(path, now)
        if entry is not None:
            entry.is_finished = True
            self._schedule(path, entry, now)

    def seen(self, path: bytes, stamp: Stamp | None, now: Seconds) -> None:
        """Note that *path* exists, in version *stamp* if that is known."""
        if stamp is not None and self._told.get(path) == stamp:
            self._repeated += 1
            return
        known = path in self._entries
        entry = self._entry(path, now)
        if entry is not None and not known:
            entry.stamp = stamp
            self._schedule(path, entry, now + self._settle_seconds)

    def take_back(self, path: bytes, stamp: Stamp, now: Seconds) -> None:
        """Let *path* settle again: version *stamp*, told complete, could not be taken in.

        It had changed before it was inspected, or the ledger failed to store it.
        """
        if self._told.get(path) == stamp:
            del self._told[path]
        self.seen(path, None, now)

    def due(self, now: Seconds, limit: int = 256) -> list[bytes]:
        """Return at most *limit* files to look at now; each has to be told to `observe`."""
        return list(islice(self._due(now), limit))

    def observe(self, path: bytes, look: Look | None, now: Seconds) -> Verdict:
        """Decide about a file that was due, from what *look* showed; None: it is gone."""
        entry = self._entries[path]
        if entry.next_look < math.inf:
            return Verdict.WAIT  # hinted at during the look, which may have come too early
        verdict = self._verdict(path, entry, look, now)
        if verdict is not Verdict.WAIT:
            del self._entries[path]
        return verdict

    def next_look(self) -> Seconds:
        """Return when the next file is due; infinity while none is waiting."""
        self._drop_stale()
        return self._looks[0][0] if self._looks else math.inf

    def take_overlooked(self) -> bool:
        """Tell, once, that files were left out for want of room and there is room again.

        The answer to it is a scan.
        """
        if not self._overlooked or len(self._entries) > self._max_pending // 2:
            return False
        self._overlooked = False
        return True

    def pending(self, now: Seconds) -> list[PendingFile]:
        """Return the files that are not complete, oldest first."""
        files = [
            PendingFile(
                path,
                entry.stamp.size if entry.stamp else None,
                now - entry.since,
                now - entry.changed_at,
            )
            for path, entry in self._entries.items()
        ]
        return sorted(files, key=lambda file: -file.age)

    def statistics(self) -> SettlingStatistics:
        """Return the counts since the start."""
        return SettlingStatistics(len(self._entries), self._ignored, self._repeated, self._gone)

    def _entry(self, path: bytes, now: Seconds) -> _Entry | None:
        """Return the entry of *path*, a new one if need be; None if it is not to have one."""
        if not is_candidate_path(path):
            self._ignored += 1
            return None
        entry = self._entries.get(path)
        if entry is None and len(self._entries) >= self._max_pending:
            self._overlooked = True
        elif entry is None:
            entry = _Entry(now, now, None, is_finished=False, next_look=math.inf)
            self._entries[path] = entry
        return entry

    def _verdict(self, path: bytes, entry: _Entry, look: Look | None, now: Seconds) -> Verdict:
        if look is None:
            self._gone += 1
            self._told.pop(path, None)
            return Verdict.GONE
        if self._told.get(path) == look.stamp:
            self._repeated += 1
            return Verdict.REPEATED
        if entry.is_finished or self._has_settled(entry, look, now):
            self._remember(path, look.stamp)
            return Verdict.COMPLETE
        self._wait(path, entry, look.stamp, now)
        return Verdict.WAIT

    def _has_settled(self, entry: _Entry, look: Look, now: Seconds) -> bool:
        if look.stamp != entry.stamp:
            return False
        quiet = now - entry.changed_at
        return quiet >= (self._settle_seconds if look.is_whole else self._patience)

    def _wait(self, path: bytes, entry: _Entry, stamp: Stamp, now: Seconds) -> None:
        if stamp != entry.stamp:
            entry.stamp = stamp
            entry.changed_at = now
        self._schedule(path, entry, now + max(_LEAST_INTERVAL, self._settle_seconds))

    def _remember(self, path: bytes, stamp: Stamp) -> None:
        self._told[path] = stamp
        self._told.move_to_end(path)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    def _schedule(self, path: bytes, entry: _Entry, when: Seconds) -> None:
        if when < entry.next_look:
            entry.next_look = when
            heapq.heappush(self._looks, (when, path))

    def _due(self, now: Seconds) -> Iterator[bytes]:
        while self.next_look() <= now:
            _, path = heapq.heappop(self._looks)
            self._entries[path].next_look = math.inf
            yield path

    def _drop_stale(self) -> None:
        while self._looks and not self._is_valid(*self._looks[0]):
            heapq.heappop(self._looks)

    def _is_valid(self, when: Seconds, path: bytes) -> bool:
        entry = self._entries.get(path)
        return entry is not None and entry.next_look == when
