"""What a house holds after a crash, and after all: in flight, lost, done twice.

Both are read from the database and from the folder alone, not from what a daemon says of itself.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection, text

from hsid.model import UploadState
from hsid.queues.protocol import QueueStats
from hsid.store.uploads import accounting, known_versions

Version: TypeAlias = tuple[str, int, int, int]
"""Path beneath the root, inode, size, mtime in nanoseconds."""

_UPLOADS = """
    SELECT uploads.state AS state, count(detections.id) AS detections,
           count(detections.batch_id) AS batched,
           count(DISTINCT detections.batch_id) AS batches
    FROM uploads LEFT JOIN detections ON detections.upload_id = uploads.id
    GROUP BY uploads.id
"""
_EVENTS = """
    SELECT count(events.id) FROM batches LEFT JOIN events ON events.batch_id = batches.id
    GROUP BY batches.id
"""
_IN_FLIGHT = {
    "received": "SELECT count(*) FROM uploads WHERE state = 'received'",
    "queued": "SELECT count(*) FROM uploads WHERE state = 'queued'",
    "detected, in no batch": """
        SELECT count(DISTINCT upload_id) FROM detections WHERE batch_id IS NULL
    """,
    "batch closed, not judged": """
        SELECT count(*) FROM batches WHERE state = 'closed' AND NOT EXISTS (
            SELECT 1 FROM events WHERE batch_id = batches.id AND revision = batches.revision)
    """,
}
_WAITING = {"batch open": "SELECT count(*) FROM batches WHERE state = 'open'"}
_ROWS = "SELECT count(*) FROM "


@dataclass(frozen=True, slots=True)
class Wreck:
    """What a kill left unfinished, by stage."""

    stages: dict[str, int]

    @property
    def has_work_in_flight(self) -> bool:
        """Whether anything was begun and not finished.

        An open batch is not counted: it may only wait for its time.
        """
        return any(count for stage, count in self.stages.items() if stage not in _WAITING)


@dataclass(frozen=True, slots=True)
class Audit:
    """What was lost and what was done twice, by kind; and what there is at each stage."""

    lost: dict[str, int]
    double: dict[str, int]
    stages: dict[str, int]


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload's state, and how many of its detections there are: all, in a batch; its batches."""

    state: str
    detections: int
    batched: int
    batches: int


def look_at_wreck(connection: Connection, queues: Iterable[QueueStats]) -> Wreck:
    """Return what the daemon that was just killed left behind."""
    counts = {
        stage: _count(connection, question) for stage, question in (_IN_FLIGHT | _WAITING).items()
    }
    leased = sum(queue.leased for queue in queues)
    return Wreck({"entry in a handler's hands": leased} | counts)


def files_beneath(root: Path) -> set[Version]:
    """Return every file version in the folder."""
    found = ((path, path.stat()) for path in root.rglob("*.jpg"))
    return {
        (str(path.relative_to(root)), stat.st_ino, stat.st_size, stat.st_mtime_ns)
        for path, stat in found
    }


def audit(
    connection: Connection, files: set[Version], queues: Iterable[QueueStats], *, each: int
) -> Audit:
    """Compare *files*, in each of which *each* objects are to be seen, with all that is stored."""
    versions = known_versions(connection)
    rows = [UploadRow(*row) for row in connection.execute(text(_UPLOADS))]
    events = list(connection.scalars(text(_EVENTS)))
    lost = Counter(fault for row in rows if (fault := _loss(row, each)))
    lost["file without a row"] = len(files - set(versions))
    lost["batch without an event"] = events.count(0)
    double = Counter(fault for row in rows if (fault := _doubling(row, each)))
    double["row without a file"] = len(set(versions) - files)
    double["path with two rows"] = len(versions) - len({path for path, *_ in versions})
    double["batch with two events"] = sum(count > 1 for count in events)
    double["counter that disagrees"] = _wrong_counters(connection, rows)
    stages = {"files": len(files)} | {
        table: _count(connection, _ROWS + table)
        for table in ("uploads", "detections", "batches", "events")
    }
    queues = tuple(queues)
    stages["left in queues"] = sum(queue.depth for queue in queues)
    stages["dead letters"] = sum(queue.dead for queue in queues)
    return Audit(dict(lost), dict(double), stages)


def _loss(row: UploadRow, each: int) -> str | None:
    """Return what of an upload was lost; one thing at most, the earliest."""
    match UploadState(row.state):
        case UploadState.DETECTED | UploadState.ANALYSED if row.detections < each:
            return "upload without all of its detections"
        case UploadState.DETECTED | UploadState.ANALYSED if row.batched < row.detections:
            return "upload with detections in no batch"
        case UploadState.ANALYSED:
            return None
        case state if state.is_end:
            return f"upload that ended as {state}"
        case state:
            return f"upload that stays {state}"


def _doubling(row: UploadRow, each: int) -> str | None:
    if row.detections > each:
        return "upload with detections stored twice"
    if row.batches > 1:
        return "upload in two batches"
    return None


def _wrong_counters(connection: Connection, rows: list[UploadRow]) -> int:
    """Return how many counters of the ledger say something else than its rows."""
    counted = accounting(connection)
    states = Counter(row.state for row in rows)
    ends = [state for state in UploadState if state.is_end]
    wrong = [state for state in ends if getattr(counted, state.value) != states[state]]
    return len(wrong) + (counted.arrived != len(rows))


def _count(connection: Connection, question: str) -> int:
    return int(connection.scalar(text(question)) or 0)
