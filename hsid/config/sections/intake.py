"""Settings of how files become uploads: the watched folder, the cameras, duplicates."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from hsid.config.fields import Section, json_value, setting
from hsid.config.zones import validate_timezone
from hsid.intake.cameras import camera_id_of
from hsid.model import Camera, Place

_MIB = 1024 * 1024


def _validate_camera_id(camera_id: str) -> str:
    if (meant := camera_id_of(os.fsencode(camera_id))) != camera_id:
        raise ValueError(f'no camera has such an id, that of a folder of this name is "{meant}"')
    return camera_id


def _validate_cameras(cameras: "tuple[CameraSettings, ...]") -> "tuple[CameraSettings, ...]":
    seen: set[str] = set()
    for camera in cameras:
        if camera.id in seen:
            raise ValueError(f'two cameras have the id "{camera.id}", each must have its own')
        seen.add(camera.id)
    return cameras


class CameraSettings(BaseModel):
    """What is known of one camera beyond its folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, AfterValidator(_validate_camera_id)] = Field(
        description="Which camera: the name of its folder, in lower case with _ for spaces."
    )
    name: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="What people call it; unset: its id."
    )
    place: Place | None = Field(
        None,
        description="What it looks at; the nearer to the household, the more a stranger matters.",
    )
    timezone: Annotated[str | None, AfterValidator(validate_timezone)] = Field(
        None, description="Time zone of its clock; unset: that of the house."
    )

    def to_camera(self) -> Camera:
        """Return the record that the rest of hsid works with."""
        return Camera(self.id, self.name or self.id, self.place, self.timezone)


class Watching(Section):
    """Watched folder."""

    foscam_base_path: Path = setting(
        Path("/export/foscam"), "Folder into which the cameras upload, one sub-folder a camera."
    )
    settle_seconds: float = setting(
        2.0,
        "A file whose writer never closes it counts as complete when unchanged this long.",
        unit="seconds",
        ge=0.1,
        le=300,
        prefixed_only=True,
    )
    rescan_interval_seconds: float = setting(
        300.0,
        "How often the whole folder is looked through for files that no event told of.",
        unit="seconds",
        ge=10,
        le=86_400,
        prefixed_only=True,
    )
    max_file_bytes: int = setting(
        32 * _MIB,
        "A larger upload is refused.",
        unit="bytes",
        ge=1024,
        le=4096 * _MIB,
        prefixed_only=True,
    )
    max_pixels: int = setting(
        50_000_000,
        "A picture of more pixels is refused before it is decoded.",
        unit="pixels",
        ge=10_000,
        le=500_000_000,
        prefixed_only=True,
    )


class Deduplication(Section):
    """Duplicates."""

    dedupe_ttl_seconds: int = setting(
        300,
        "The same picture from the same camera within this time is a duplicate.",
        unit="seconds",
        ge=0,
        le=604_800,
    )


class Cameras(Section):
    """Cameras."""

    cameras: Annotated[
        tuple[CameraSettings, ...],
        BeforeValidator(
            lambda value: json_value(value) if isinstance(value, str) else value,
            json_schema_input_type=list[CameraSettings],
        ),
        AfterValidator(_validate_cameras),
    ] = setting(
        (), "What is known of each camera; one that is not listed works too.", prefixed_only=True
    )
