"""What the header of a picture says, and the limit it has to keep. Pure, nothing is decoded."""

from dataclasses import dataclass
from datetime import datetime

from hsid.model import RefusalReason
from hsid.refusal import RefusedError


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """Size in pixels as stored, before any turning, and when its EXIF block says it was taken."""

    width: int
    height: int
    taken: datetime | None = None


def check_dimensions(width: int, height: int, max_pixels: int) -> None:
    """Raise `RefusedError` for a picture without pixels or with more than *max_pixels*."""
    if width == 0 or height == 0:
        raise corrupt(f"it says it has {width}x{height} pixels")
    if width * height > max_pixels:
        raise RefusedError(
            RefusalReason.TOO_MANY_PIXELS, f"{width}x{height} pixels, at most {max_pixels} allowed"
        )


def truncated(detail: str) -> RefusedError:
    """Return the refusal of a picture that ends too early."""
    return RefusedError(RefusalReason.TRUNCATED, detail)


def corrupt(detail: str) -> RefusedError:
    """Return the refusal of a picture that breaks its format's rules."""
    return RefusedError(RefusalReason.CORRUPT, detail)
