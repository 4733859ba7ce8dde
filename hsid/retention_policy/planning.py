"""From what there is and what the settings ask for to a plan: who gives how much. Pure.

Guarantees that a store which is empty, or younger than the pictures it found, gives nothing at all;
that of everything the oldest goes first; and that history goes last, that of the cameras with the
most of it, never with what arrived within the last day.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from hsid.retention_policy.decision import (
    ALWAYS_KEPT,
    FilesToGo,
    Limits,
    OwnFile,
    Plan,
    Reason,
    Situation,
)
from hsid.retention_policy.shares import shares

_LATE = timedelta(days=1)
"""By how much a picture may be older than the store, and yet have been taken for it."""

_KEEPS_SPACE = (
    "the disk is short of space, but this database keeps freed pages to itself: deleting history"
    " would not help"
)


def make_plan(limits: Limits, situation: Situation) -> Plan:
    """Return what *limits* ask for in *situation*.

    For room go, each as far as the ones before do not suffice: logs, backups, log lines, thumbnails
    and clips, history. What is too old goes anyway, before all else, and counts.
    """
    now, standstill = situation.now, _standstill(limits, situation)
    if standstill is not None:
        return Plan(now, limits, standstill)
    over, short = _over(limits, situation), _short(limits, situation)
    why = Reason.SIZE if over >= short else Reason.SPACE
    of_files, of_rows = max(over, short), max(over, short if situation.returns_space else 0)
    logs = _files_to_go(situation.logs, of_files, why, now - limits.keep_logs_for, now)
    found = _size(logs)
    young = now - ALWAYS_KEPT
    backups = _files_to_go(situation.backups, of_files - found, why, now - limits.keep_for, young)
    # One that is young goes by itself soon: nothing else goes for its sake.
    found += _size(backups) + sum(b.size for b in situation.backups if b.modified_at >= young)
    lines = min(max(0, of_rows - found), situation.log_line_bytes)
    found += lines
    media = _oldest_days(situation.media, of_files - found, young.date())
    found += sum(media.values())
    gives = shares(situation.histories, of_rows - found)
    return Plan(
        now=now,
        limits=limits,
        logs=logs,
        backups=backups,
        log_lines_give=lines,
        media_give=media,
        gives=gives,
        missing=max(0, of_rows - found - sum(gives.values())),
        why_given=why,
        remarks=_remarks(situation, short - found),
    )


def words_of_missing(missing: int, why: Reason, situation: Situation) -> str:
    """Return what is said where a limit can't be kept to."""
    limit = "retention_max_bytes" if why is Reason.SIZE else "retention_min_free_bytes"
    return (
        f"{limit} can't be kept to: about {missing} bytes more would have to go, but what is left"
        f" has a star ({situation.starred_events} events), is younger than a day, still waits, or"
        " is what hsid can't do without"
    )


def _standstill(limits: Limits, situation: Situation) -> str | None:
    first, oldest = situation.first_arrival, situation.oldest_capture
    if first is None:
        return "the store is empty: nothing is deleted"
    if situation.has_forgotten or situation.now - first >= limits.keep_for:
        return None
    if oldest is not None and oldest < first - _LATE:
        until = (first + limits.keep_for).isoformat(" ", "minutes")
        return f"the store is younger than the pictures it found: nothing is deleted before {until}"
    return None


def _over(limits: Limits, situation: Situation) -> int:
    return 0 if limits.max_bytes is None else max(0, situation.used_bytes - limits.max_bytes)


def _short(limits: Limits, situation: Situation) -> int:
    """Return the bytes that the disk is short of, but for those that are only to be given back."""
    spare = situation.spare_bytes if situation.returns_space else 0
    return max(0, (limits.min_free_bytes or 0) - situation.free_bytes - spare)


def _remarks(situation: Situation, short: int) -> tuple[str, ...]:
    if short <= 0 or situation.returns_space:
        return ()
    return (_KEEPS_SPACE,)


def _files_to_go(
    files: Sequence[OwnFile], need: int, why: Reason, expire_before: datetime, go_before: datetime
) -> FilesToGo:
    """Choose what is too old, and as much more, oldest first, as room needs and *go_before* lets.

    An old one that goes anyway counts.
    """
    chosen: list[tuple[OwnFile, Reason]] = []
    for file in sorted(files, key=lambda file: (file.modified_at, str(file.path))):
        if file.modified_at < expire_before:
            chosen.append((file, Reason.AGE))
        elif need > 0 and file.modified_at < go_before:
            chosen.append((file, why))
        need -= file.size
    return tuple(chosen)


def _oldest_days(sizes: Mapping[date, int], need: int, until: date) -> dict[date, int]:
    """Return what each of the oldest days gives so that *need* comes together, *until* left out."""
    gives: dict[date, int] = {}
    for day in sorted(day for day in sizes if day < until):
        if need <= 0:
            break
        gives[day] = min(sizes[day], need)
        need -= gives[day]
    return gives


def _size(files: FilesToGo) -> int:
    return sum(file.size for file, _ in files)
