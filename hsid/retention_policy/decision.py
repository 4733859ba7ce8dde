"""What may go, and why. Pure: no clock, no disk, no database.

Guarantees that nothing goes that is younger than its limit by the time of its *arrival*, that has
a star, that waits for a detector or a verdict, or that is in a batch with such. How much goes for
room is decided in `hsid.retention_policy.planning`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from hsid.model import FileVersion, UploadState

ALWAYS_KEPT = timedelta(days=1)
"""History that is younger is kept, however little room there is."""

CHANGES_KEPT = timedelta(days=365)
"""Who changed what is asked long after the event is gone, takes next to nothing, and is told to
nobody by anything else: it is kept for a year at least, and never goes for room."""
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
class OwnFile:
    """A file of hsid's own; *inode* is looked at again before it is deleted."""

    path: Path
    inode: int
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """What the store and the disk hold at one moment.

    *database_bytes* are in use, *spare_bytes* lie unused in the database's file. *returns_space*
    tells whether those can be given back to the disk, *is_local* whether it is a disk of this
    machine, *has_files_beside* whether the cameras' files are on it as well. *has_forgotten*: it
    is so old that its first rows are gone already. *oldest_capture* is that of the first arrivals.

    *histories* and *media* are what may go, stars aside: bytes of events and detections by camera,
    and of thumbnails and clips by the day of their making. *log_line_bytes* are those of lines in
    the database that are older than a day.
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
    logs: Sequence[OwnFile]
    backups: Sequence[OwnFile] = ()
    """Made before migrations."""
    media: Mapping[date, int] = field(default_factory=dict)
    starred_media_bytes: int = 0
    starred_events: int = 0
    log_line_bytes: int = 0
    open_log_bytes: int = 0
    is_local: bool = True
    has_files_beside: bool = False

    @property
    def media_bytes(self) -> int:
        """Return what thumbnails and clips take."""
        return sum(self.media.values()) + self.starred_media_bytes

    @property
    def used_bytes(self) -> int:
        """Return all that counts against `retention_max_bytes`."""
        files = sum(file.size for file in (*self.logs, *self.backups))
        return self.database_bytes + self.media_bytes + files + self.open_log_bytes


FilesToGo: TypeAlias = tuple[tuple[OwnFile, Reason], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep is to do; *standstill* says in words why it is to do nothing."""

    now: datetime
    limits: Limits
    standstill: str | None = None
    logs: FilesToGo = ()
    backups: FilesToGo = ()
    log_lines_give: int = 0
    """The bytes of log lines that go beyond what age takes."""
    media_give: Mapping[date, int] = field(default_factory=dict)
    """The bytes of thumbnails and clips that each day gives beyond those of events that go."""
    gives: Mapping[str, int] = field(default_factory=dict)
    """The bytes of history that each camera gives beyond what age takes."""
    missing: int = 0
    """The bytes that nothing is left to give for."""
    why_given: Reason = Reason.SIZE
    remarks: tuple[str, ...] = ()

    @property
    def expires_before(self) -> datetime:
        """Return the time of arrival that ends what is too old."""
        return self.now - self.limits.keep_for

    @property
    def log_lines_expire_before(self) -> datetime:
        """Return the time before which log lines are too old."""
        return self.now - self.limits.keep_logs_for

    @property
    def changes_expire_before(self) -> datetime:
        """Return the time before which the record of changes is too old."""
        return self.now - max(self.limits.keep_for, CHANGES_KEPT)

    @property
    def young_since(self) -> datetime:
        """Return the time since which everything is kept, however little room there is."""
        return self.now - ALWAYS_KEPT

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
    is_starred: bool = False

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


class CaseChooser:
    """Says of one camera's cases, oldest first, whether each goes, and why."""

    def __init__(self, plan: Plan, camera_id: str) -> None:
        self._plan = plan
        self._camera_id = camera_id
        self._to_give = plan.gives.get(camera_id, 0)

    @property
    def missing(self) -> int:
        """Return the bytes that the camera was to give and had no case for so far."""
        return max(0, self._to_give)

    @property
    def before(self) -> datetime:
        """Return the time of arrival at which to stop looking."""
        return self._until() if self._to_give > 0 else self._plan.expires_before

    def choose(self, case: Case) -> Reason | None:
        """Return why *case* goes, None if it stays."""
        if case.is_waiting or case.is_starred or case.camera_id != self._camera_id:
            return None
        if case.newest_arrival < self._plan.expires_before:
            self._to_give -= case.size
            return Reason.AGE
        if self._to_give > 0 and case.newest_arrival < self._until():
            self._to_give -= case.size
            return self._plan.why_given
        return None

    def _until(self) -> datetime:
        return max(self._plan.expires_before, self._plan.young_since)


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
