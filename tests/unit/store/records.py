"""Builders of what the store keeps, each with one thing that a test cares about."""

from datetime import UTC, datetime, timedelta

from hsid.model import (
    AnalysisKind,
    Arrival,
    Box,
    CaptureSource,
    Detection,
    FileVersion,
    Severity,
    Verdict,
)
from hsid.store import uploads

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def arrival(number, *, camera="gate", seconds=0, sha256=None, refusal=None, detail=None):
    return Arrival(
        version=FileVersion(f"{camera}/{number}.jpg", number, 1000, number),
        camera_id=camera,
        received_at=at(seconds),
        captured_at=at(seconds),
        capture_source=CaptureSource.EXIF,
        mime_type="image/jpeg",
        sha256=sha256 or f"{number:064x}",
        refusal=refusal,
        detail=detail,
    )


def receive(conn, *arrivals, ttl=300):
    return uploads.receive(conn, arrivals, dedupe_ttl=ttl)


def person(confidence=0.9):
    return Detection("person", confidence, Box(10, 20, 30, 40))


def record(conn, upload_id, *found, width=640, height=480):
    return uploads.record_detections(
        conn, upload_id, found, width=width, height=height, detector="test"
    )


def sight(conn, number, *, seconds=0, camera="gate", count=1):
    """Receive an upload with *count* detections; return its id."""
    (upload,) = receive(conn, arrival(number, seconds=seconds, camera=camera))
    record(conn, upload.id, *[person()] * count)
    return upload.id


def verdict(score=50, *, kind=AnalysisKind.RULES, summary="somebody at the gate"):
    return Verdict(score, summary, "because", kind, "test")


LEVEL = Severity.MEDIUM
