"""Telling a file's format from its first bytes, and a cut file from its last ones. Pure."""

from dataclasses import dataclass

HEAD_BYTES = 256
"""How much of the start `recognise` wants to see."""
TAIL_BYTES = 4096
"""How much of the end `looks_whole` wants to see: room for a camera's padding."""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format, as people call it and as the wire does."""

    name: str
    mime_type: str


JPEG = Format("JPEG", "image/jpeg")
PNG = Format("PNG", "image/png")
_WEBP = Format("WebP", "image/webp")
_AVIF = Format("AVIF", "image/avif")
_HEIC = Format("HEIC", "image/heic")
_TIFF = Format("TIFF", "image/tiff")
_GIF = Format("GIF", "image/gif")
_BMP = Format("BMP", "image/bmp")
_MP4 = Format("MP4", "video/mp4")
_QUICKTIME = Format("QuickTime", "video/quicktime")
_AVI = Format("AVI", "video/x-msvideo")
_MPEG_TS = Format("MPEG transport stream", "video/mp2t")

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_PADDING = b"\0\t\n\r "

_SIGNATURES = (
    (_JPEG_START, JPEG),
    (PNG_SIGNATURE, PNG),
    (b"GIF87a", _GIF),
    (b"GIF89a", _GIF),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"\0\0\0\x0cJXL ", Format("JPEG XL", "image/jxl")),
    (b"\xff\x0a", Format("JPEG XL", "image/jxl")),
    (b"\x1a\x45\xdf\xa3", Format("Matroska", "video/x-matroska")),
    (b"FLV\x01", Format("Flash video", "video/x-flv")),
    (b"\0\0\x01\xba", Format("MPEG program stream", "video/mpeg")),
)
_RIFF_FORMS = {b"WEBP": _WEBP, b"AVI ": _AVI}
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_OLD_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
_TS_SYNC, _TS_PACKET = 0x47, 188


def recognise(head: bytes) -> Format | None:
    """Return the format that begins with *head*, None for nothing known."""
    for signature, form in _SIGNATURES:
        if head.startswith(signature):
            return form
    return _riff(head) or _iso_media(head) or _bmp(head) or _transport_stream(head)


def is_cut_signature(head: bytes) -> bool:
    """Tell whether the file ends before it could say that it is a JPEG or PNG."""
    return any(signature.startswith(head) for signature in (_JPEG_START, PNG_SIGNATURE))


def looks_whole(head: bytes, tail: bytes) -> bool:
    """Tell whether a picture that begins with *head* and ends with *tail* has its trailer.

    False where the format has no trailer known here: such a file has to wait longer.
    """
    form = recognise(head)
    if form is JPEG:
        return tail.rstrip(_PADDING).endswith(_JPEG_END)
    return form is PNG and _PNG_END in tail


def _riff(head: bytes) -> Format | None:
    return _RIFF_FORMS.get(head[8:12]) if head.startswith(b"RIFF") else None


def _iso_media(head: bytes) -> Format | None:
    if head[4:8] in _OLD_QUICKTIME_BOXES:
        return _QUICKTIME
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[at : at + 4] for at in (8, *range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return _AVIF
    if brands & _HEIC_BRANDS:
        return _HEIC
    return _QUICKTIME if head[8:12] == b"qt  " else _MP4


def _bmp(head: bytes) -> Format | None:
    # "BM" alone begins many a text; its four reserved bytes are always zero.
    return _BMP if head.startswith(b"BM") and head[6:10] == bytes(4) else None


def _transport_stream(head: bytes) -> Format | None:
    synced = len(head) > _TS_PACKET and head[0] == head[_TS_PACKET] == _TS_SYNC
    return _MPEG_TS if synced else None
