"""EXIF blocks are read where they can be and ignored where they can't."""

import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hsid.intake.exif import parse_exif
from hsid.intake.jpeg import read_jpeg
from hsid.intake.png import read_png

MODIFIED, TAKEN = 0x0132, 0x9003
TAKEN_OFFSET, MODIFIED_OFFSET = 0x9011, 0x9010
NOON = datetime(2026, 6, 10, 12, 0, 30)  # noqa: DTZ001 - a camera's local time


def build_exif(main: dict | None = None, detail: dict | None = None, order: str = "<") -> bytes:
    """Return an EXIF block as Pillow writes it."""
    exif = Image.Exif()
    exif.endian = order
    for tag, value in (main or {}).items():
        exif[tag] = value
    if detail:
        exif[0x8769] = detail
    return exif.tobytes()


def parsed(*args, **options) -> datetime | None:
    """Return what a built block reads as."""
    return parse_exif(build_exif(*args, **options).removeprefix(b"Exif\0\0"))


def test_a_date_in_numbers_is_absent() -> None:
    """A number in the place of the text is ignored."""
    entry = struct.pack("<HHII", MODIFIED, 4, 1, 2026)

    assert parse_exif(struct.pack("<4sIH", b"II*\0", 8, 1) + entry) is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_original_date_wins_over_the_date_of_change(order: str) -> None:
    """DateTimeOriginal is when the picture was taken; without an offset it is local."""
    main, detail = {MODIFIED: "2027:01:01 00:00:00"}, {TAKEN: "2026:06:10 12:00:30"}

    assert parsed(main, detail, order=order) == NOON


def test_the_date_of_change_stands_in() -> None:
    """Many cameras write no other date."""
    detail = {MODIFIED_OFFSET: "-03:30"}
    found = parsed({MODIFIED: "2026:06:10 12:00:30"}, detail)

    assert found == NOON.replace(tzinfo=timezone(-timedelta(hours=3, minutes=30)))


def test_an_offset_makes_the_date_absolute() -> None:
    """12:00:30 at +02:00 is 10:00:30 UTC."""
    found = parsed(detail={TAKEN: "2026:06:10 12:00:30", TAKEN_OFFSET: "+02:00"})

    assert found is not None
    assert found.tzinfo is not None
    assert found == datetime(2026, 6, 10, 10, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("offset", ["", "   :  ", "+99:00", "CEST", "+2:00"])
def test_a_corrupt_offset_leaves_the_date_local(offset: str) -> None:
    """A date is still worth something without its offset."""
    found = parsed(detail={TAKEN: "2026:06:10 12:00:30", TAKEN_OFFSET: offset})

    assert found == NOON


@pytest.mark.parametrize(
    "text", ["", "0000:00:00 00:00:00", "    :  :     :  :  ", "2026:13:01 00:00:00", "yesterday"]
)
def test_a_corrupt_date_is_absent(text: str) -> None:
    """Cameras without a set clock write blanks and zeros."""
    assert parsed(detail={TAKEN: text}) is None


def test_exif_is_found_in_both_formats(encode) -> None:
    """The block travels in a JPEG segment and in a PNG chunk alike."""
    block = build_exif(None, {TAKEN: "2026:06:10 12:00:30"})

    assert read_jpeg(encode("JPEG", exif=block), 10**6).taken == NOON
    assert read_png(encode("PNG", exif=block), 10**6).taken == NOON


@pytest.mark.parametrize("block", [b"", b"II", b"II*\0", b"junk" * 10, b"MM\0*\xff\xff\xff\xff"])
def test_what_is_no_exif_is_ignored(block: bytes) -> None:
    """A block that can't be read says nothing."""
    assert parse_exif(block) is None


@given(st.sampled_from([b"II*\0", b"MM\0*"]), st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(order: bytes, content: bytes) -> None:
    """The parser is total, whatever offsets and counts the block claims."""
    found = parse_exif(order + content)

    assert found is None or found.year in range(1, 10_000)


@given(st.data())
def test_a_damaged_block_never_raises(data: st.DataObject) -> None:
    """Flipped bytes in a good block are read as something or as nothing."""
    block = bytearray(build_exif({MODIFIED: "2026:06:10 12:00:30"}, {TAKEN_OFFSET: "+02:00"})[6:])
    for at in data.draw(st.lists(st.integers(0, len(block) - 1), max_size=6)):
        block[at] = data.draw(st.integers(0, 255))

    found = parse_exif(bytes(block))

    assert found is None or found.year in range(1, 10_000)
