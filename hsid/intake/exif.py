"""The one thing that intake wants from an EXIF block: when the picture was taken.

Total over any bytes: what is missing, wrong or out of bounds reads as absent. Nothing here raises,
nothing is read but two directories, and the length of the work is bounded by the block's.
"""

import re
from datetime import datetime, timedelta, timezone
from typing import Literal, TypeAlias

_MODIFIED, _EXIF_DIRECTORY = 0x0132, 0x8769
_TAKEN, _MODIFIED_OFFSET, _TAKEN_OFFSET = 0x9003, 0x9010, 0x9011

_ASCII, _LONG = 2, 4
_VALUE_BYTES = {_ASCII: 1, _LONG: 4}
_ENTRY_BYTES, _INLINE_BYTES = 12, 4
_LONGEST_TEXT = 64

_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)

_ByteOrder: TypeAlias = Literal["little", "big"]
_BYTE_ORDERS: dict[bytes, _ByteOrder] = {b"II*\0": "little", b"MM\0*": "big"}
_Directory: TypeAlias = dict[int, int | str]


def parse_exif(block: bytes) -> datetime | None:
    """Return when, by the TIFF structure *block*, the picture was taken; None if it doesn't say.

    Aware where the camera wrote its offset from UTC, naive local time otherwise.
    """
    order = _BYTE_ORDERS.get(block[:4])
    if order is None:
        return None
    main = _directory(block, int.from_bytes(block[4:8], order), order)
    link = main.get(_EXIF_DIRECTORY)
    detail = _directory(block, link, order) if isinstance(link, int) else {}
    return _taken(main, detail)


def _taken(main: _Directory, detail: _Directory) -> datetime | None:
    original = _moment(detail.get(_TAKEN), detail.get(_TAKEN_OFFSET))
    return original or _moment(main.get(_MODIFIED), detail.get(_MODIFIED_OFFSET))


def _moment(text: int | str | None, offset: int | str | None) -> datetime | None:
    match = _DATE.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        naive = datetime(*(int(field) for field in match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - the zone is the caller's to say
    except ValueError:
        return None
    return naive.replace(tzinfo=_zone(offset))


def _zone(offset: int | str | None) -> timezone | None:
    match = _OFFSET.match(offset) if isinstance(offset, str) else None
    if match is None:
        return None
    distance = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if distance > timedelta(hours=14):  # no place on earth is further from UTC
        return None
    return timezone(-distance if match[1] == "-" else distance)


def _directory(block: bytes, at: int, order: _ByteOrder) -> _Directory:
    count = int.from_bytes(block[at : at + 2], order)
    starts = range(at + 2, min(at + 2 + count * _ENTRY_BYTES, len(block)), _ENTRY_BYTES)
    entries = (block[start : start + _ENTRY_BYTES] for start in starts)
    found: _Directory = {}
    for entry in entries:
        value = _value(block, entry, order)
        if value is not None:
            found[int.from_bytes(entry[:2], order)] = value
    return found


def _value(block: bytes, entry: bytes, order: _ByteOrder) -> int | str | None:
    """Return an entry's first number, or its text; None for types that nobody here asks for."""
    kind = int.from_bytes(entry[2:4], order)
    count = int.from_bytes(entry[4:8], order)
    length = _VALUE_BYTES.get(kind, 0) * min(count, _LONGEST_TEXT)
    if length == 0 or len(entry) < _ENTRY_BYTES:
        return None
    at = int.from_bytes(entry[8:12], order)
    raw = entry[8 : 8 + length] if length <= _INLINE_BYTES else block[at : at + length]
    if kind == _ASCII:
        return raw.split(b"\0", 1)[0].decode("ascii", "replace")
    return int.from_bytes(raw[: _VALUE_BYTES[kind]], order)
