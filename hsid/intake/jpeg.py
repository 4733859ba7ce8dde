"""Reading a JPEG's frame: its size, its date, and whether it is whole.

Segments and scans are walked to the end-of-image marker; coded pixels are skipped, never decoded,
so that damage inside them stays for the decoder to find. Bytes behind the end are allowed: cameras
pad, and some append a second picture.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from hsid.intake.exif import parse_exif
from hsid.intake.pictures import PictureHeader, check_dimensions, corrupt, truncated

_SOS, _EOI, _APP1 = 0xDA, 0xD9, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LOWEST_SEGMENT = 0xC0
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}
"""Markers without a length behind them."""
_FRAME_BYTES = 6
_EXIF_PREFIX = b"Exif\0\0"

# Inside coded pixels FF is followed by 00 (stuffing) or a restart marker; all else ends the scan.
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class _Segment(NamedTuple):
    marker: int
    payload: bytes


def read_jpeg(content: bytes, max_pixels: int) -> PictureHeader:
    """Return what the frame of a whole JPEG says.

    Raises:
        RefusedError: It is truncated, corrupt or has more than *max_pixels*.
    """
    size: tuple[int, int] | None = None
    taken = None
    has_scan = False
    for marker, payload in _segments(content):
        if marker in _FRAMES:
            size = _frame_size(payload)
            check_dimensions(*size, max_pixels)
        elif marker == _SOS:
            has_scan = True
        elif marker == _APP1 and taken is None and payload.startswith(_EXIF_PREFIX):
            taken = parse_exif(payload[len(_EXIF_PREFIX) :])
    if size is None or not has_scan:
        raise corrupt("a JPEG without a picture in it")
    return PictureHeader(*size, taken)


def _segments(content: bytes) -> Iterator[_Segment]:
    at = 2
    while True:
        marker, at = _marker(content, at)
        if marker == _EOI:
            return
        if marker in _BARE:
            continue
        end = _segment_end(content, marker, at)
        yield _Segment(marker, content[at + 2 : end])
        at = _scan_end(content, end) if marker == _SOS else end


def _marker(content: bytes, at: int) -> tuple[int, int]:
    """Return the marker that begins at *at*, any fill bytes passed over, and what follows it."""
    start = at
    while at < len(content) and content[at] == 0xFF:  # noqa: PLR2004 - the marker prefix itself
        at += 1
    if at >= len(content):
        raise truncated("the file ends before the picture does")
    if at == start:
        raise corrupt(f"no marker at byte {at}")
    return content[at], at + 1


def _segment_end(content: bytes, marker: int, at: int) -> int:
    if marker < _LOWEST_SEGMENT:
        raise corrupt(f"a reserved marker {marker:#04x} at byte {at - 1}")
    if at + 2 > len(content):
        raise truncated("the file ends before the picture does")
    length = int.from_bytes(content[at : at + 2], "big")
    if length < 2:  # noqa: PLR2004 - the length counts its own two bytes
        raise corrupt(f"a segment of impossible length at byte {at}")
    if at + length > len(content):
        raise truncated("the file ends before the picture does")
    return at + length


def _scan_end(content: bytes, at: int) -> int:
    match = _END_OF_SCAN.search(content, at)
    if match is None:
        raise truncated("the file ends before the picture does")
    return match.start()


def _frame_size(payload: bytes) -> tuple[int, int]:
    if len(payload) < _FRAME_BYTES:
        raise corrupt("the frame header is too short")
    height, width = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    return width, height
