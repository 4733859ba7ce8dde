"""The records of the domain: what an upload is, what was seen, how it was judged.

All are frozen and free of I/O. Times are aware datetimes in UTC; lengths in pixels belong to the
picture as a viewer sees it, EXIF orientation applied; paths are relative to the watch root and in
the reversible text form of `hsid.paths`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self, TypeAlias

Seconds: TypeAlias = float


class UploadState(StrEnum):
    """How far an upload has come. The last five are ends: an upload leaves none of them."""

    RECEIVED = "received"
    """The ledger has it, no queue does: the backlog."""
    QUEUED = "queued"
    """A detection queue has an entry for it."""
    DETECTED = "detected"
    """Its detections are stored; it waits for the verdict on its batch."""
    ANALYSED = "analysed"
    """The event of its batch has its first verdict."""
    NOTHING_SEEN = "nothing_seen"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    DEAD = "dead"
    """Given up on after its tries were used up; `reason` holds the error."""

    @property
    def is_end(self) -> bool:
        """Tell whether an upload stays in this state for good."""
        return self not in PENDING_STATES


UNFINISHED_STATES = frozenset({UploadState.RECEIVED, UploadState.QUEUED})
"""No detector has looked yet."""
PENDING_STATES = UNFINISHED_STATES | {UploadState.DETECTED}


class RefusalReason(StrEnum):
    """Why an upload was refused: the upload's own fault, so it is never tried again."""

    EMPTY_FILE = "empty_file"
    NOT_A_PICTURE = "not_a_picture"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    OUTSIDE_ROOT = "outside_root"
    NOT_A_REGULAR_FILE = "not_a_regular_file"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    OVERWRITTEN = "overwritten"
    DECODER_CRASHED = "decoder_crashed"
    DECODER_TIMED_OUT = "decoder_timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    REFUSED_BY_DETECTOR = "refused_by_detector"


class CaptureSource(StrEnum):
    """Where the capture time of an upload was read, best first."""

    EXIF = "exif"
    NAME = "name"
    MTIME = "mtime"
    ARRIVAL = "arrival"


class Place(StrEnum):
    """What a camera looks at; the nearer to the household, the more a stranger there matters."""

    STREET = "street"
    DRIVEWAY = "driveway"
    YARD = "yard"
    ENTRANCE = "entrance"
    INDOOR = "indoor"


class Severity(StrEnum):
    """The level of an event, derived from its risk score in `hsid.ai.severity` alone."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class AnalysisKind(StrEnum):
    """Who judged a batch."""

    RULES = "rules"
    MODEL = "model"

    @property
    def rank(self) -> int:
        """Return what a verdict of this kind may overwrite: any of a rank not above its own."""
        return 0 if self is AnalysisKind.RULES else 1


class EventState(StrEnum):
    """Whether a better verdict on the same batch is still to come."""

    PROVISIONAL = "provisional"
    FINAL = "final"


class BatchState(StrEnum):
    """Whether a batch still takes detections by itself."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One content of one path. A file written again is another version; a restart is not."""

    path: str
    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera as configured, or as made up from the name of its folder."""

    id: str
    name: str
    place: Place | None = None
    timezone: str | None = None
    """IANA name of the zone its clock runs in; None: the zone of this machine."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the original picture, measured from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        """Return the number of pixels inside."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Detection:
    """One object that a detector found in one picture. *confidence* is 0 to 1."""

    label: str
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """All that a detector said about one picture of *width* by *height* pixels."""

    detections: tuple[Detection, ...]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A finished file that passed or failed inspection, on its way into the ledger.

    *refusal* is None for a picture worth detecting; *sha256* is None where the content could not
    be read.
    """

    version: FileVersion
    camera_id: str
    received_at: datetime
    captured_at: datetime
    capture_source: CaptureSource
    mime_type: str | None = None
    sha256: str | None = None
    refusal: RefusalReason | None = None
    detail: str | None = None
    """What exactly was wrong, for people: shown with the refusal."""
    camera_name: str | None = None
    """What to call the camera if it is new: the name of its folder."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One row of the ledger."""

    id: int
    version: FileVersion
    camera_id: str
    state: UploadState
    received_at: datetime
    captured_at: datetime
    capture_source: CaptureSource
    mime_type: str | None
    sha256: str | None
    reason: str | None
    """A `RefusalReason` for a refused upload, the error for a dead one."""
    detail: str | None


@dataclass(frozen=True, slots=True)
class DetectionRecord:
    """A stored detection with what an analyst needs to know of its picture."""

    id: int
    upload_id: int
    captured_at: datetime
    detection: Detection
    picture_width: int
    picture_height: int

    @property
    def area_share(self) -> float:
        """Return the share of the picture that the box covers, 0 to 1."""
        return min(1.0, self.detection.box.area / (self.picture_width * self.picture_height))


@dataclass(frozen=True, slots=True)
class Batch:
    """What one camera saw in one stretch of capture time."""

    id: str
    camera_id: str
    state: BatchState
    revision: int
    """Counts the closings: 0 while it was never closed; a late detection reopens it."""
    started_at: datetime
    ended_at: datetime
    """Capture times of its first and last detection."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An analyst's judgement of a batch. *risk_score* is 0 to 100."""

    risk_score: int
    summary: str
    reasoning: str
    kind: AnalysisKind
    analyst: str
    """Which rule set or model spoke."""


@dataclass(frozen=True, slots=True)
class Event:
    """A judged batch, as people see it."""

    id: int
    batch_id: str
    camera_id: str
    started_at: datetime
    ended_at: datetime
    risk_score: int
    risk_level: Severity
    summary: str
    reasoning: str
    analysis: AnalysisKind
    analyst: str
    state: EventState
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class EventRevision:
    """What an event said for a while, until a better or a later verdict took its place."""

    revision: int
    """Of the batch that was judged."""
    risk_score: int
    risk_level: Severity
    summary: str
    reasoning: str
    analysis: AnalysisKind
    analyst: str
    state: EventState
    updated_at: datetime
    """Since when it said so."""


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One look at one graphics card. What the card can't report is None, never 0."""

    recorded_at: datetime
    number: int
    """Its place in the driver's list, which may change when the driver is loaded anew."""
    uuid: str | None
    name: str | None
    utilization_ratio: float | None
    """The share of the last moments, 0 to 1, in which something ran on it."""
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_celsius: float | None
    power_watts: float | None

    @property
    def memory_used_ratio(self) -> float | None:
        """How much of the memory is taken, 0 to 1; None where that is not known."""
        if self.memory_used_bytes is None or not self.memory_total_bytes:
            return None
        return self.memory_used_bytes / self.memory_total_bytes


@dataclass(frozen=True, slots=True)
class HourOfWeek:
    """An hour on a camera's clock: which of the week's 168, Monday's first being 0, and which week.

    Weeks are numbered through from Monday to Sunday, years do not matter.
    """

    hour: int
    week: int

    @classmethod
    def of(cls, local: datetime) -> Self:
        """Return the hour of *local*, a time on the camera's clock."""
        week, weekday = divmod(local.toordinal() - 1, 7)
        return cls(weekday * 24 + local.hour, week)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a camera has seen in one hour of the week, in the *weeks* before the one in question."""

    times: int
    """How many batches showed the class."""
    weeks: int
    """In how many weeks the camera saw anything."""


@dataclass(frozen=True, slots=True)
class Accounting:
    """How many uploads arrived and where they ended.

    *arrived* and the ends are counted one by one as they happen, *pending* is counted in the
    ledger, so that `is_balanced` can fail.
    """

    arrived: int
    analysed: int
    nothing_seen: int
    refused: int
    duplicate: int
    dead: int
    pending: int

    @property
    def is_balanced(self) -> bool:
        """Tell whether every arrival is either pending or in exactly one end."""
        ends = self.analysed + self.nothing_seen + self.refused + self.duplicate + self.dead
        return self.arrived == ends + self.pending
