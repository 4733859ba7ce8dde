"""Reading a PNG's frame: its size, its date, and whether it is whole.

Chunks are walked to IEND; of the critical ones the checksums are compared. Pixels are never
unpacked. Bytes behind IEND are allowed.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from hsid.intake.exif import parse_exif
from hsid.intake.formats import PNG_SIGNATURE
from hsid.intake.pictures import PictureHeader, check_dimensions, corrupt, truncated

_FRAME = 12
"""Bytes of a chunk around its data: length, type and checksum."""
_HEADER_BYTES = 13
_LONGEST = 2**31 - 1


class _Chunk(NamedTuple):
    kind: bytes
    data: memoryview


def read_png(content: bytes, max_pixels: int) -> PictureHeader:
    """Return what the header of a whole PNG says.

    Raises:
        RefusedError: It is truncated, corrupt or has more than *max_pixels*.
    """
    chunks = _chunks(content)
    width, height = _size(next(chunks))
    check_dimensions(width, height, max_pixels)
    taken = None
    has_pixels = False
    for kind, data in chunks:
        if kind == b"IDAT":
            has_pixels = True
        elif kind == b"eXIf":
            taken = parse_exif(bytes(data))
        elif kind == b"IHDR":
            raise corrupt("a second header")
    if not has_pixels:
        raise corrupt("a PNG without a picture in it")
    return PictureHeader(width, height, taken)


def _size(header: _Chunk) -> tuple[int, int]:
    if header.kind != b"IHDR" or len(header.data) != _HEADER_BYTES:
        raise corrupt("it does not begin with a header")
    return int.from_bytes(header.data[:4], "big"), int.from_bytes(header.data[4:8], "big")


def _chunks(content: bytes) -> Iterator[_Chunk]:
    """Yield all chunks up to IEND, which is left out unless it comes first."""
    view = memoryview(content)
    at = len(PNG_SIGNATURE)
    while True:
        chunk, at = _chunk(view, at)
        yield chunk
        if chunk.kind == b"IEND":
            return


def _chunk(view: memoryview, at: int) -> tuple[_Chunk, int]:
    kind = bytes(view[at + 4 : at + 8])
    if at + 8 > len(view):
        raise truncated("the file ends before the picture does")
    length = int.from_bytes(view[at : at + 4], "big")
    if not (kind.isalpha() and length <= _LONGEST):
        raise corrupt(f"no chunk at byte {at}")
    end = at + _FRAME + length
    if end > len(view):
        raise truncated("the file ends before the picture does")
    # An upper-case initial marks a chunk that no decoder can do without.
    if kind[:1].isupper() and zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(
        view[end - 4 : end], "big"
    ):
        raise corrupt(f"the checksum of {kind.decode()} at byte {at} is wrong")
    return _Chunk(kind, view[at + 8 : end - 4]), end
