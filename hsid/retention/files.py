"""The steps of a sweep that delete hsid's own files: logs, backups, leftovers, thumbnails, clips.

A thumbnail or clip goes when what it was made from is gone from the store, after a time of grace,
and the oldest go before any history when room is needed. Never one that a star keeps.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from hsid.media.names import UNFINISHED, Origin
from hsid.retention import disk
from hsid.retention.decision import OwnFile, Plan, Reason
from hsid.retention.running import Running, in_thread
from hsid.retention.work import Item, Kind
from hsid.store import media

_PORTION = 200
"""Thumbnails and clips that are looked at in one go."""


async def sweep_own(running: Running, plan: Plan) -> None:
    """Delete leftovers, and the logs and backups that *plan* names."""
    unfinished = await in_thread(partial(disk.leftovers, running.places, plan.now))
    doomed = [(file, Kind.LEFTOVER, Reason.LEFTOVER) for file in unfinished]
    doomed += [(file, Kind.LOG, reason) for file, reason in plan.logs]
    doomed += [(file, Kind.BACKUP, reason) for file, reason in plan.backups]
    for file, kind, reason in doomed:
        await _delete(running, file, kind, reason)


async def sweep_media(running: Running, plan: Plan) -> None:
    """Delete thumbnails and clips that nothing refers to, and those that *plan* wants for room.

    Comes after the rows, so that a crash leaves files without rows, never rows without files.
    """
    chooser = MediaChooser(plan)
    walk = disk.media_files(running.places)
    while await running.may_go_on():
        found = await in_thread(partial(_take, walk))
        if not found:
            break
        now_stored = partial(media.standing, origins=[origin for _, origin in found])
        standing = await running.database.read(now_stored)
        for file, origin in found:
            is_there = origin in standing.present and origin not in running.gone
            reason = chooser.choose(file, is_there=is_there, is_starred=origin in standing.starred)
            if reason is not None:
                await _delete(running, file, Kind.MEDIUM, reason)
    running.missing += chooser.missing


class MediaChooser:
    """Says of one thumbnail or clip after the other whether it goes, and why."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._to_give = dict(plan.media_give)

    @property
    def missing(self) -> int:
        """Return the bytes that were to be given and that no file was found for so far."""
        return sum(max(0, left) for left in self._to_give.values())

    def choose(self, file: OwnFile, *, is_there: bool, is_starred: bool) -> Reason | None:
        """Return why *file* goes, None if it stays; *is_there*: what it was made from is."""
        if is_starred:
            return None
        if not is_there or file.path.name.endswith(UNFINISHED):
            is_over = self._plan.now - file.modified_at > disk.GRACE
            return self._given(file, Reason.LEFTOVER) if is_over else None
        if self._to_give.get(file.modified_at.date(), 0) > 0:
            return self._given(file, self._plan.why_given)
        return None

    def _given(self, file: OwnFile, reason: Reason) -> Reason:
        day = file.modified_at.date()
        if day in self._to_give:
            self._to_give[day] -= file.size
        return reason


def _take(walk: Iterator[tuple[OwnFile, Origin]]) -> Sequence[tuple[OwnFile, Origin]]:
    return list(islice(walk, _PORTION))


async def _delete(running: Running, file: OwnFile, kind: Kind, reason: Reason) -> None:
    if running.is_dry_run or await in_thread(partial(disk.delete_own, file)):
        running.tell([Item(kind, file.path.name, reason)])
