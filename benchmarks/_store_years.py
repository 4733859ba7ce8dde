"""Years of events, made up in a moment: a database as a house has it after a long time.

The events are numbered from the latest back, and what is in one follows from its number alone, so
that a house and a tenth of it have the same latest year. Cameras, levels, classes and words are as
uneven as in life: a few make up most, and a few hardly occur.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final, TypeAlias

from hsid.model import AnalysisKind, BatchState, CaptureSource, EventState, Severity, UploadState

Row: TypeAlias = Mapping[str, Any]

LATEST: Final = datetime(2026, 11, 1, tzinfo=UTC)
RARE_LABEL, RARE_WORD = "bear", "ladder"
"""One event in a thousand has them."""
ODD_LABEL, ODD_WORD = "giraffe", "unicycle"
"""Three events have them, in a house of any size."""
RARE_CAMERA = "shed"
"""It has one event in a thousand."""
PROVISIONAL = 20
"""So many of the latest events wait for a better verdict."""
UPLOADS, DETECTIONS = 2, 10
"""Of an event."""

_ODD = (7, 77, 377)
_APART = timedelta(minutes=7)
_CAMERAS: Final = {
    "driveway": 400,
    "front_door": 250,
    "street": 150,
    "back_yard": 100,
    "garage": 60,
    "side_gate": 30,
    "attic": 9,
    RARE_CAMERA: 1,
}
_LEVELS: Final = {Severity.LOW: 800, Severity.MEDIUM: 140, Severity.HIGH: 50, Severity.CRITICAL: 10}
_LABELS: Final = {"person": 500, "car": 300, "cat": 120, "dog": 60, "bicycle": 19, RARE_LABEL: 1}
_BASE = 10_000_000
"""Number and id of an event are this much together: ids rise with time, as they do in life."""


def camera_rows() -> list[Row]:
    """Return the cameras, by columns."""
    return [{"id": name, "name": name} for name in _CAMERAS]


def event_id(number: int) -> int:
    """Return the id of the event of this number."""
    return _BASE - number


def batch_row(number: int) -> Row:
    """Return the batch of this number, by columns."""
    started_at = LATEST - number * _APART - timedelta(seconds=_dice(number, 1) % 400)
    return {
        "id": f"batch-{number}",
        "camera_id": _drawn(_CAMERAS, number, 3),
        "state": BatchState.CLOSED.value,
        "revision": 1,
        "started_at": started_at,
        "ended_at": started_at + timedelta(seconds=40),
    }


def event_row(number: int) -> Row:
    """Return the event of this number, by columns."""
    of = batch_row(number)
    return {
        "batch_id": of["id"],
        "camera_id": of["camera_id"],
        "started_at": of["started_at"],
        "ended_at": of["ended_at"],
        "risk_score": _dice(number, 4) % 101,
        "risk_level": _drawn(_LEVELS, number, 5),
        "summary": _summary(number, of["camera_id"]),
        "reasoning": "made up for a measurement " * 4,
        "analysis": AnalysisKind.RULES.value,
        "analyst": "rules",
        "state": (EventState.PROVISIONAL if number < PROVISIONAL else EventState.FINAL).value,
        "revision": 1,
        "created_at": of["ended_at"],
        "updated_at": of["ended_at"],
    }


def labels(number: int) -> list[str]:
    """Return the classes that were seen in the event of this number."""
    drawn = [_drawn(_LABELS, number, 6), _drawn(_LABELS, number, 7)]
    return list(dict.fromkeys([*drawn, ODD_LABEL] if number in _ODD else drawn))


def upload_rows(number: int) -> Iterator[Row]:
    """Yield the uploads of this event, by columns."""
    of = batch_row(number)
    for place in range(UPLOADS):
        upload_id = _upload_id(number, place)
        moment = of["started_at"] + timedelta(seconds=20 * place)
        yield {
            "id": upload_id,
            "camera_id": of["camera_id"],
            "path": f"{of['camera_id']}/{moment:%Y/%m/%d}/{upload_id}.jpg",
            "inode": upload_id,
            "size": 200_000 + _dice(number, 8) % 90_000,
            "mtime_ns": upload_id,
            "state": UploadState.ANALYSED.value,
            "received_at": moment,
            "captured_at": moment,
            "capture_source": CaptureSource.EXIF.value,
            "sha256": f"{_dice(upload_id, 9):064x}",
        }


def detection_rows(number: int) -> Iterator[Row]:
    """Yield what was seen in this event, by columns."""
    of, seen, first = batch_row(number), labels(number), event_id(number) * DETECTIONS
    for place in range(DETECTIONS):
        yield {
            "id": first + place,
            "upload_id": _upload_id(number, place % UPLOADS),
            "camera_id": of["camera_id"],
            "batch_id": of["id"],
            "label": seen[place % len(seen)],
            "confidence": 0.9,
            "x": 10,
            "y": 20,
            "width": 30,
            "height": 40,
        }


def label_rows(number: int) -> Iterator[Row]:
    """Yield the classes of this event, by columns."""
    started_at = batch_row(number)["started_at"]
    for label in labels(number):
        yield {"event_id": event_id(number), "label": label, "started_at": started_at}


def _upload_id(number: int, place: int) -> int:
    return event_id(number) * UPLOADS + place


def _summary(number: int, camera: str) -> str:
    """Return a sentence that is no other's: words of which few are frequent and most are rare."""
    extra = f" with a {RARE_WORD}" if _dice(number, 10) % 1000 == 0 else ""
    extra += f" on a {ODD_WORD}" if number in _ODD else ""
    detail = " ".join(f"w{4000 // (1 + _dice(number, 11 + n) % 4000)}" for n in range(3))
    return f"{camera}: {' and '.join(labels(number))}{extra} was seen, {detail}."


def _drawn(weights: Mapping[Any, int], number: int, salt: int) -> str:
    """Return one of *weights*, in their proportion, the same each time."""
    roll = _dice(number, salt) % sum(weights.values())
    sums = zip(weights, accumulate(weights.values()), strict=True)
    return str(next(name for name, reached in sums if roll < reached))


def _dice(number: int, salt: int) -> int:
    """Return a number that looks like chance: that of splitmix64."""
    value = (number * 64 + salt) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    value = (value ^ value >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 31
