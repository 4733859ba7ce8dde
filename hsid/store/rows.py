"""From rows of the tables to the records of the domain."""

from typing import Any

from sqlalchemy import Row, select

from hsid.model import (
    AnalysisKind,
    Batch,
    BatchState,
    Box,
    Camera,
    CaptureSource,
    Detection,
    DetectionRecord,
    Event,
    EventRevision,
    EventState,
    FileVersion,
    Place,
    Severity,
    Upload,
    UploadState,
)
from hsid.store.schema import detections, uploads

SELECT_DETECTIONS = select(
    detections,
    uploads.c.captured_at,
    uploads.c.width.label("picture_width"),
    uploads.c.height.label("picture_height"),
).join_from(detections, uploads, detections.c.upload_id == uploads.c.id)
"""What `to_detection` reads."""


def to_upload(row: Row[Any]) -> Upload:
    """Read a row of `uploads`."""
    return Upload(
        id=row.id,
        version=FileVersion(row.path, row.inode, row.size, row.mtime_ns),
        camera_id=row.camera_id,
        state=UploadState(row.state),
        received_at=row.received_at,
        captured_at=row.captured_at,
        capture_source=CaptureSource(row.capture_source),
        mime_type=row.mime_type,
        sha256=row.sha256,
        reason=row.reason,
        detail=row.detail,
    )


def to_camera(row: Row[Any]) -> Camera:
    """Read a row of `cameras`."""
    place = None if row.place is None else Place(row.place)
    return Camera(row.id, row.name, place, row.timezone)


def to_detection(row: Row[Any]) -> DetectionRecord:
    """Read a row of `SELECT_DETECTIONS`."""
    return DetectionRecord(
        id=row.id,
        upload_id=row.upload_id,
        captured_at=row.captured_at,
        detection=Detection(row.label, row.confidence, Box(row.x, row.y, row.width, row.height)),
        picture_width=row.picture_width,
        picture_height=row.picture_height,
    )


def to_batch(row: Row[Any]) -> Batch:
    """Read a row of `batches`."""
    return Batch(
        id=row.id,
        camera_id=row.camera_id,
        state=BatchState(row.state),
        revision=row.revision,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def to_event(row: Row[Any]) -> Event:
    """Read a row of `events`."""
    return Event(
        id=row.id,
        batch_id=row.batch_id,
        camera_id=row.camera_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        risk_score=row.risk_score,
        risk_level=Severity(row.risk_level),
        summary=row.summary,
        reasoning=row.reasoning,
        analysis=AnalysisKind(row.analysis),
        analyst=row.analyst,
        state=EventState(row.state),
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def to_revision(row: Row[Any]) -> EventRevision:
    """Read a row of `event_revisions`."""
    return EventRevision(
        revision=row.revision,
        risk_score=row.risk_score,
        risk_level=Severity(row.risk_level),
        summary=row.summary,
        reasoning=row.reasoning,
        analysis=AnalysisKind(row.analysis),
        analyst=row.analyst,
        state=EventState(row.state),
        updated_at=row.updated_at,
    )
