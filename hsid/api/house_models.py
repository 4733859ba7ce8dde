"""The documents about cameras, graphics cards, and the record of changes."""

from datetime import datetime

from hsid.api.models import Document, GpuReport


class CameraReport(Document):
    """A camera: configured, or made up from a folder."""

    camera_id: str
    name: str
    place: str | None
    timezone: str | None
    last_seen_at: datetime | None
    """When it last sent something."""
    last_stored_at: datetime | None
    """When something of it was last found worth keeping."""
    pending: int
    """Uploads of it that have reached no end."""


class CameraList(Document):
    """All cameras, by id."""

    cameras: tuple[CameraReport, ...]


class GpuList(Document):
    """The graphics cards at the last look."""

    gpus: tuple[GpuReport, ...]


class ChangeReport(Document):
    """Somebody's change as it was recorded; *error* says why nothing was changed."""

    recorded_at: datetime
    actor: str
    action: str
    target: str | None
    details: dict[str, str | int | float | bool | None]
    error: str | None


class ChangeList(Document):
    """The latest changes, the latest first."""

    changes: tuple[ChangeReport, ...]
