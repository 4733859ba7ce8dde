"""Opening a picture for good: every pixel decoded, upright, RGB. Runs in worker processes only.

Guarantees that a file whose pixels are not all there is refused, never read in part, and that
nothing is allocated for more pixels than allowed. The type is told by content: whatever is neither
JPEG nor PNG is refused whatever it is called. Not missed for certain: a JPEG's end marker, and
changes to coded pixels that still decode; the first is for `hsid.intake.jpeg` to find.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from hsid.media.orientation import Orientation
from hsid.model import RefusalReason
from hsid.refusal import RefusedError

FORMATS = ("JPEG", "PNG")

# The limit is the caller's, checked on the header before a pixel is decoded; Pillow's own would
# overrule a larger one.
Image.MAX_IMAGE_PIXELS = None

_TRANSPOSES = {
    Orientation.MIRRORED: Image.Transpose.FLIP_LEFT_RIGHT,
    Orientation.UPSIDE_DOWN: Image.Transpose.ROTATE_180,
    Orientation.FLIPPED: Image.Transpose.FLIP_TOP_BOTTOM,
    Orientation.TRANSPOSED: Image.Transpose.TRANSPOSE,
    Orientation.QUARTER_RIGHT: Image.Transpose.ROTATE_270,
    Orientation.TRANSVERSED: Image.Transpose.TRANSVERSE,
    Orientation.QUARTER_LEFT: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright RGB picture. *width* and *height* are the original's; *image* may be smaller."""

    image: Image.Image
    width: int
    height: int


def decode(content: bytes, max_pixels: int, wanted: int | None = None) -> Decoded:
    """Return the picture in *content*, decoded in full.

    Args:
        content: A whole file.
        max_pixels: What the header may claim at most.
        wanted: The caller needs no more than this many pixels on the longer side; a larger JPEG is
            then decoded at a fraction of its size, which is several times as fast.

    Raises:
        RefusedError: The file is damaged, too large or of another kind.
    """
    if not content:
        raise RefusedError(RefusalReason.EMPTY_FILE, "the file is empty")
    try:
        return _decode(content, max_pixels, wanted)
    except UnidentifiedImageError as error:
        raise RefusedError(
            RefusalReason.NOT_A_PICTURE, "the content is neither JPEG nor PNG"
        ) from error
    except (RefusedError, MemoryError):
        raise
    except Exception as error:  # a decoder fed with damaged data raises whatever comes to it
        is_cut = "truncated" in str(error).lower()
        reason = RefusalReason.TRUNCATED if is_cut else RefusalReason.CORRUPT
        raise RefusedError(reason, str(error) or type(error).__name__) from error


def _decode(content: bytes, max_pixels: int, wanted: int | None) -> Decoded:
    opened = Image.open(io.BytesIO(content), formats=FORMATS)
    width, height = opened.size
    if width * height > max_pixels:
        raise RefusedError(
            RefusalReason.TOO_MANY_PIXELS, f"{width} x {height} pixels, {max_pixels} allowed"
        )
    if wanted is not None:
        shrink = max(1.0, max(width, height) / wanted)
        opened.draft("RGB", (int(width / shrink), int(height / shrink)))
    opened.load()
    image = _to_rgb(opened)
    orientation = Orientation.of(content)
    if orientation in _TRANSPOSES:
        image = image.transpose(_TRANSPOSES[orientation])
    return Decoded(image, *orientation.upright_size(width, height))


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return *image* as RGB: 16 bits reduced to 8, what is transparent shown on black."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        upper = image.convert("RGBA")
        ground = Image.new("RGBA", upper.size, (0, 0, 0, 255))
        return Image.alpha_composite(ground, upper).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
