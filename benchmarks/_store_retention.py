"""How fast retention deletes, beside the bare driver doing the same to the same rows.

Days of a house that are too old by now: uploads with what was seen in them, batches, events.
Retention reads, decides, looks for each camera's file, looks again, and deletes in portions of 200
uploads; the driver is told what to delete, in the same portions, with a commit each.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trio
from sqlalchemy import Connection, insert

from benchmarks import _store_years as years
from benchmarks._store_filling import connect
from hsid.cli.retention_runs import Working
from hsid.model import CaptureSource, UploadState
from hsid.retention.disk import Places
from hsid.retention.sweep import Sweep
from hsid.retention.work import Kind
from hsid.retention_policy.decision import Limits
from hsid.store.database import open_database
from hsid.store.schema import batches, cameras, detections, events, uploads

SEEN = 3
"""Detections in an upload."""
ROWS = SEEN + 3
"""What a case is made of: those, its batch and its event, deleted; its upload, stripped."""

_PORTION = 200
_CAMERA = "old"
_APART = timedelta(seconds=1)
_KEPT = timedelta(days=15 * 365)
"""Longer than all else in the house reaches back: what goes is what was put there for it."""
_LIMITS = Limits(keep_for=_KEPT, keep_logs_for=_KEPT)


def measure(url: str, count: int) -> dict[str, float]:
    """Return how many rows a second go, of *count* cases each for retention and for the driver."""
    first = 100_000_000
    with open_database(url) as database:
        with database.transaction() as conn:
            conn.execute(insert(cameras).values(id=_CAMERA, name=_CAMERA))
            _fill(conn, first, count)
        began = time.perf_counter()
        deleted = _sweep(Working(database))
        taken = time.perf_counter() - began
        if deleted != count:
            raise RuntimeError(f"{deleted} cases went, not {count}")
        with database.transaction() as conn:
            _fill(conn, first + count, count)
    with closing(connect(url)) as connection:
        sign = "?" if url.startswith("sqlite") else "%s"
        began = time.perf_counter()
        _delete_raw(connection, sign, range(first + count, first + 2 * count))
        raw = time.perf_counter() - began
    return {"hsid": round(ROWS * count / taken), "raw driver": round(ROWS * count / raw)}


def _sweep(database: Working) -> int:
    with tempfile.TemporaryDirectory() as folder:
        places = Places(Path(folder) / "none", None, Path(folder))
        result = trio.run(Sweep(database, _LIMITS, places, is_dry_run=False).run)
    return result.counts[Kind.BATCH]


def _fill(conn: Connection, first: int, count: int) -> None:
    """Add the cases with the numbers from *first* on, each of an upload of its own."""
    arrived = datetime.now(UTC) - 2 * _KEPT
    for some in _portions(range(first, first + count)):
        conn.execute(
            insert(uploads), [_upload_row(n, arrived + (n - first) * _APART) for n in some]
        )
        conn.execute(insert(batches), [years.batch_row(n) | {"camera_id": _CAMERA} for n in some])
        conn.execute(insert(detections), [_detection_row(n) for n in some for _ in range(SEEN)])
        event_rows = [years.event_row(n) | {"camera_id": _CAMERA} for n in some]
        conn.execute(insert(events), event_rows)


def _upload_row(number: int, arrived: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "camera_id": _CAMERA,
        "path": f"{_CAMERA}/{number}.jpg",
        "inode": number,
        "size": 200_000,
        "mtime_ns": number,
        "state": UploadState.ANALYSED,
        "received_at": arrived,
        "captured_at": arrived,
        "capture_source": CaptureSource.NAME,
        "mime_type": "image/jpeg",
        "sha256": f"{number:064x}",
        "width": 1920,
        "height": 1080,
        "detector": "made up",
    }


def _detection_row(number: int) -> dict[str, Any]:
    box = {"x": 1, "y": 2, "width": 30, "height": 40}
    of_case = {"upload_id": number, "camera_id": _CAMERA, "batch_id": f"batch-{number}"}
    return of_case | box | {"label": "person", "confidence": 0.9}


def _delete_raw(connection: Any, sign: str, numbers: Sequence[int]) -> None:
    cursor = connection.cursor()
    bare = "mime_type = NULL, detail = NULL, width = NULL, height = NULL, detector = NULL"
    for some in _portions(numbers):
        these = f"IN ({', '.join([sign] * len(some))})"
        names = [f"batch-{number}" for number in some]
        for table, key in (("events", "batch_id"), ("detections", "batch_id"), ("batches", "id")):
            cursor.execute(f"DELETE FROM {table} WHERE {key} {these}", names)  # noqa: S608 - ours
        cursor.execute(f"UPDATE uploads SET {bare} WHERE id {these}", list(some))  # noqa: S608
        connection.commit()


def _portions(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), _PORTION):
        yield numbers[start : start + _PORTION]
