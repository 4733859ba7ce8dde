"""What may go, and why. Pure: no clock, no disk, no database.

Guarantees that nothing goes that is younger than its limit by the time of its *arrival*, that
waits for a detector or a verdict, or that is in a batch with such; that a store which is empty, or
younger than the pictures it found, gives nothing at all; and that room is made by the oldest
history of the cameras with the most of it, never with what arrived within the last day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from hsid.model import FileVersion, UploadState
from hsid.retention.shares import shares

ALWAYS_KEPT = timedelta(days=1)
"""History that is younger is kept, however little room there is."""

_LATE = timedelta(days=1)
"""By how much a picture may be older than the store, and yet have been taken for it."""

LOOKED_AT = frozenset({UploadState.ANALYSED, UploadState.NOTHING_SEEN, UploadState.DUPLICATE})
"""The ends whose originals may be deleted: nobody has looked at a refused or a dead one."""


class Reason(StrEnum):
    """Why something goes."""

    AGE = "age"
    """It has been kept as long as the settings ask."""
    SIZE = "size"
    """All that hsid keeps is above `retention_max_bytes`."""
    SPACE = "space"
    """The disk has less free than `retention_min_free_bytes`."""
    LEFTOVER = "leftover"
    """A crash left it half written; nothing refers to it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings ask for. *repetitions_for* is how long a repeated picture is known."""

    keep_for: timedelta
    keep_logs_for: timedelta
    repetitions_for: timedelta = timedelta()
    max_bytes: int | None = None
    min_free_bytes: int | None = None
    delete_images: bool = False


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log file that was put aside; *inode* is looked at again before it is deleted."""

    path: Path
    inode: int
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """What the store and the disk hold at one moment.

    *database_bytes* are in use, *spare_bytes* lie unused in the database's file. *returns_space*
    tells whether those can be given back to the disk. *has_forgotten*: it is so old that its
    first rows are gone already. *oldest_capture* is that of the first arrivals.
    """

    now: datetime
    first_arrival: datetime | None
    oldest_capture: datetime | None
    has_forgotten: bool
    database_bytes: int
    spare_bytes: int
    returns_space: bool
    free_bytes: int
    histories: Mapping[str, int]
    logs: Sequence[LogFile]

    @property
    def used_bytes(self) -> int:
        """Return what counts against `retention_max_bytes`, but for the log being written."""
        return self.database_bytes + sum(log.size for log in self.logs)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep is to do; *standstill* says in words why it is to do nothing."""

    now: datetime
    limits: Limits
    standstill: str | None = None
    logs: tuple[tuple[LogFile, Reason], ...] = ()
    gives: Mapping[str, int] = field(default_factory=dict)
    """The bytes of history that each camera gives beyond what age takes."""
    why_given: Reason = Reason.SIZE
    remarks: tuple[str, ...] = ()

    @property
    def expires_before(self) -> datetime:
        """Return the time of arrival that ends what is too old."""
        return self.now - self.limits.keep_for

    @property
    def unknown_before(self) -> datetime:
        """Return the time of arrival before which no repetition can refer to an upload."""
        return self.now - max(self.limits.keep_for, self.limits.repetitions_for)


@dataclass(frozen=True, slots=True)
class Case:
    """A batch with all that hangs on it. *size* is an estimate in bytes."""

    batch_id: str
    camera_id: str
    is_open: bool
    states: frozenset[UploadState]
    newest_arrival: datetime
    size: int

    @property
    def is_waiting(self) -> bool:
        """Tell whether something is still to happen to it."""
        return self.is_open or not all(state.is_end for state in self.states)


class FileFate(StrEnum):
    """What has become of the file that a row of the ledger is about."""

    PRESENT = "present"
    GONE = "gone"
    UNKNOWN = "unknown"
    """It can't be seen, which proves nothing: its disk may not be mounted."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the ledger. *is_bare*: there is nothing in it but the key and the end."""

    id: int
    camera_id: str
    version: FileVersion
    state: UploadState
    received_at: datetime
    is_bare: bool
    batch_id: str | None = None
    has_detections: bool = False


class RowAction(StrEnum):
    """What becomes of a row of the ledger."""

    KEEP = "keep"
    STRIP = "strip"
    """All but its key and its end goes: the file is there, and must not be taken for new."""
    FORGET = "forget"
    """The file is gone, and the row with it."""
    DELETE_FILE = "delete_file"
    """The camera's file goes, then the row."""


def make_plan(limits: Limits, situation: Situation) -> Plan:
    """Return what *limits* ask for in *situation*."""
    standstill = _standstill(limits, situation)
    if standstill is not None:
        return Plan(situation.now, limits, standstill)
    need, why, remarks = _need(limits, situation)
    logs = _logs_to_go(limits, situation, need, why)
    expired = sum(log.size for log, _ in logs)
    # What is too old goes anyway, before all else, and counts towards what its camera gives.
    gives = shares(situation.histories, need - expired)
    return Plan(situation.now, limits, None, logs, gives, why, remarks)


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


def _need(limits: Limits, situation: Situation) -> tuple[int, Reason, tuple[str, ...]]:
    over = short = 0
    remarks: list[str] = []
    if limits.max_bytes is not None:
        over = max(0, situation.used_bytes - limits.max_bytes)
    if limits.min_free_bytes is not None:
        short = max(0, limits.min_free_bytes - situation.free_bytes)
        if short and not situation.returns_space:
            remarks.append(
                "the disk is short of space, but this database keeps freed pages to itself:"
                " deleting history would not help"
            )
            short = 0
        elif short:
            short = max(0, short - situation.spare_bytes)
    return max(over, short), Reason.SIZE if over >= short else Reason.SPACE, tuple(remarks)


def _logs_to_go(
    limits: Limits, situation: Situation, need: int, why: Reason
) -> tuple[tuple[LogFile, Reason], ...]:
    """Choose the log files that are too old, and as many more, oldest first, as room needs."""
    chosen: list[tuple[LogFile, Reason]] = []
    for log in sorted(situation.logs, key=lambda log: (log.modified_at, str(log.path))):
        if situation.now - log.modified_at > limits.keep_logs_for:
            chosen.append((log, Reason.AGE))
        elif need > 0:
            chosen.append((log, why))
        need -= log.size
    return tuple(chosen)


class CaseChooser:
    """Says of one camera's cases, oldest first, whether each goes, and why."""

    def __init__(self, plan: Plan, camera_id: str) -> None:
        self._plan = plan
        self._camera_id = camera_id
        self._to_give = plan.gives.get(camera_id, 0)

    @property
    def before(self) -> datetime:
        """Return the time of arrival at which to stop looking."""
        return self._until() if self._to_give > 0 else self._plan.expires_before

    def choose(self, case: Case) -> Reason | None:
        """Return why *case* goes, None if it stays."""
        if case.is_waiting or case.camera_id != self._camera_id:
            return None
        if case.newest_arrival < self._plan.expires_before:
            self._to_give -= case.size
            return Reason.AGE
        if self._to_give > 0 and case.newest_arrival < self._until():
            self._to_give -= case.size
            return self._plan.why_given
        return None

    def _until(self) -> datetime:
        return max(self._plan.expires_before, self._plan.now - ALWAYS_KEPT)


def may_be_old(row: LedgerRow, plan: Plan) -> bool:
    """Tell whether *row* itself may change, detections aside."""
    return row.state.is_end and row.received_at < plan.expires_before


def judge_row(row: LedgerRow, fate: FileFate, plan: Plan, *, case_goes: bool = False) -> RowAction:
    """Return what becomes of *row*, whose file is *fate*; *case_goes*: its detections do."""
    if not may_be_old(row, plan) or (row.has_detections and not case_goes):
        return RowAction.KEEP
    if fate is FileFate.GONE and row.received_at < plan.unknown_before:
        return RowAction.FORGET
    if fate is FileFate.PRESENT and plan.limits.delete_images and row.state in LOOKED_AT:
        return RowAction.DELETE_FILE
    return RowAction.KEEP if row.is_bare else RowAction.STRIP


def from_ns(moment: int) -> datetime:
    """Return the time that a file's status gives in nanoseconds."""
    return datetime.fromtimestamp(moment / 1e9, UTC)
