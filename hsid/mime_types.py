"""Which file names hsid takes for pictures and clips, and what they are called on the wire.

Names decide only whether a file is looked at; what it *is* gets decided by its content
(`hsid.intake.inspection`).
"""

from pathlib import PurePath

IMAGE_MIME_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
VIDEO_MIME_TYPES = {
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
    ".mov": "video/quicktime",
}
EXTENSION_TO_MIME = IMAGE_MIME_TYPES | VIDEO_MIME_TYPES
MIME_TO_EXTENSION = {mime: ext for ext, mime in EXTENSION_TO_MIME.items() if ext != ".jpeg"}

DEFAULT_IMAGE_MIME = "image/jpeg"
DEFAULT_VIDEO_MIME = "video/mp4"


def get_mime_type(path: str | PurePath) -> str | None:
    """Return the MIME type that the extension of *path* stands for, None for any other file."""
    return EXTENSION_TO_MIME.get(PurePath(path).suffix.lower())


def get_mime_type_with_default(path: str | PurePath, default: str = DEFAULT_IMAGE_MIME) -> str:
    """Return the MIME type of *path*, or *default* where its extension says nothing."""
    return get_mime_type(path) or default


def is_image_mime_type(mime_type: str | None) -> bool:
    """Tell whether *mime_type* is one of the picture types hsid reads."""
    return mime_type in IMAGE_MIME_TYPES.values()


def is_video_mime_type(mime_type: str | None) -> bool:
    """Tell whether *mime_type* is one of the clip types hsid reads."""
    return mime_type in VIDEO_MIME_TYPES.values()


def is_supported_mime_type(mime_type: str | None) -> bool:
    """Tell whether *mime_type* is a picture or a clip that hsid reads."""
    return is_image_mime_type(mime_type) or is_video_mime_type(mime_type)


def normalize_file_type(file_type: str) -> str | None:
    """Return the MIME type for an extension (`.jpg`, `jpg`) or a MIME type; None if unknown."""
    lowered = file_type.strip().lower()
    if "/" in lowered:
        return lowered if is_supported_mime_type(lowered) else None
    return EXTENSION_TO_MIME.get(f".{lowered.removeprefix('.')}")
