"""Which way up a picture is meant to be seen: the EXIF orientation of a JPEG.

Whatever turns pixels or boxes asks here, so that boxes, zones and thumbnails agree. It works on the
file's bytes with the standard library alone. Anything but a well-formed value of 1 to 8 means 1,
and so does every file that is no JPEG.
"""

import struct
from enum import IntEnum
from typing import Self

from hsid.model import Box

_START_OF_IMAGE = b"\xff\xd8"
_APP1 = 0xE1
_START_OF_SCAN = 0xDA
_EXIF = b"Exif\0\0"
_ORIENTATION_TAG = 0x0112
_SHORT = 3


class Orientation(IntEnum):
    """What a viewer does to the stored rows and columns, as EXIF numbers it."""

    UPRIGHT = 1
    MIRRORED = 2
    UPSIDE_DOWN = 3
    FLIPPED = 4
    TRANSPOSED = 5
    QUARTER_RIGHT = 6
    """Turned clockwise by a quarter for viewing."""
    TRANSVERSED = 7
    QUARTER_LEFT = 8

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return how the JPEG file *content* wants to be seen."""
        found = _find(content)
        return cls(found[0]) if found else cls.UPRIGHT

    @property
    def swaps_sides(self) -> bool:
        """Tell whether width and height change places."""
        return self >= Orientation.TRANSPOSED

    def upright_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size that a viewer sees of *width* by *height* stored pixels."""
        return (height, width) if self.swaps_sides else (width, height)

    def upright_box(self, box: Box, width: int, height: int) -> Box:
        """Return where a viewer sees *box*, given in *width* by *height* stored pixels."""
        right, bottom = width - box.x - box.width, height - box.y - box.height
        x = right if self in _STARTS_RIGHT else box.x
        y = bottom if self in _STARTS_BOTTOM else box.y
        if self.swaps_sides:
            return Box(y, x, box.height, box.width)
        return Box(x, y, box.width, box.height)


_STARTS_RIGHT = {
    Orientation.MIRRORED,
    Orientation.UPSIDE_DOWN,
    Orientation.TRANSVERSED,
    Orientation.QUARTER_LEFT,
}
_STARTS_BOTTOM = {
    Orientation.UPSIDE_DOWN,
    Orientation.FLIPPED,
    Orientation.QUARTER_RIGHT,
    Orientation.TRANSVERSED,
}


def without_orientation(content: bytes) -> bytes:
    """Return *content* marked as stored upright, so that every reader sees the stored pixels."""
    found = _find(content)
    if found is None:
        return content
    _, offset, order = found
    return content[:offset] + struct.pack(f"{order}H", Orientation.UPRIGHT) + content[offset + 2 :]


def _find(content: bytes) -> tuple[int, int, str] | None:
    """Return the orientation, where its two bytes lie, and their byte order."""
    tiff = _find_tiff(content)
    if tiff is None:
        return None
    start, end = tiff
    order = {b"II": "<", b"MM": ">"}.get(content[start : start + 2])
    if order is None or end - start < 8:  # noqa: PLR2004 -- a TIFF header has 8 bytes
        return None
    directory = start + struct.unpack_from(f"{order}I", content, start + 4)[0]
    if directory + 2 > end:
        return None
    (entries,) = struct.unpack_from(f"{order}H", content, directory)
    for entry in range(directory + 2, min(directory + 2 + 12 * entries, end - 11), 12):
        tag, kind, count, value = struct.unpack_from(f"{order}HHIH", content, entry)
        if tag == _ORIENTATION_TAG:
            is_valid = kind == _SHORT and count == 1 and value in set(Orientation)
            return (value, entry + 8, order) if is_valid else None
    return None


def _find_tiff(content: bytes) -> tuple[int, int] | None:
    """Return where the EXIF block's TIFF data begin and end."""
    if not content.startswith(_START_OF_IMAGE):
        return None
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:  # noqa: PLR2004 -- every marker begins so
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == _START_OF_SCAN:
            return None
        if marker == _APP1 and content.startswith(_EXIF, at + 4):
            return at + 4 + len(_EXIF), min(at + 2 + length, len(content))
        at += 2 + length
    return None
