"""Reading the EXIF orientation, and turning boxes by it."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from hsid.media.orientation import Orientation, without_orientation
from hsid.model import Box


def exif(value: object) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = value
    return tags


def with_tag(kind: int, count: int, value: int, order: str = "<") -> bytes:
    """Return a JPEG head whose EXIF block holds one entry, the orientation."""
    mark = b"II" if order == "<" else b"MM"
    tiff = mark + struct.pack(f"{order}HIHHHIHH", 42, 8, 1, 0x0112, kind, count, value, 0)
    body = b"Exif\0\0" + tiff + bytes(4)
    return b"\xff\xd8\xff\xe1" + struct.pack("!H", len(body) + 2) + body + b"\xff\xd9"


def bounds(image: Image.Image) -> Box:
    left, top, right, bottom = image.convert("L").point(lambda v: 255 * (v > 128)).getbbox()
    return Box(left, top, right - left, bottom - top)


@pytest.mark.parametrize("value", range(1, 9))
def test_each_orientation_that_pillow_writes_is_read(encode, value):
    """All eight values come back as they were written."""
    assert Orientation.of(encode(Image.new("RGB", (8, 8)), exif=exif(value))) == value


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_are_read(order):
    """A Motorola file is read like an Intel one."""
    assert Orientation.of(with_tag(3, 1, 6, order)) is Orientation.QUARTER_RIGHT


@pytest.mark.parametrize(
    ("kind", "count", "value"),
    [(3, 1, 0), (3, 1, 9), (3, 1, 65535), (3, 2, 6), (2, 1, 54), (4, 1, 0)],
)
def test_a_corrupt_orientation_means_upright(kind, count, value):
    """Zero, nine, text and a list are no orientation."""
    assert Orientation.of(with_tag(kind, count, value)) is Orientation.UPRIGHT


@pytest.mark.parametrize("value", range(1, 9))
def test_a_box_is_turned_as_pillow_turns_the_pixels(encode, value):
    """A stored rectangle, turned by numbers, lies where it lies in the turned picture."""
    stored = Image.new("RGB", (64, 48))
    ImageDraw.Draw(stored).rectangle((5, 9, 24, 15), fill="white")
    turned = ImageOps.exif_transpose(Image.open(BytesIO(encode(stored, "PNG", exif=exif(value)))))
    orientation = Orientation(value)
    assert orientation.upright_box(bounds(stored), 64, 48) == bounds(turned)
    assert orientation.upright_size(64, 48) == turned.size


@pytest.mark.parametrize("value", range(1, 9))
def test_a_picture_without_its_orientation_shows_the_stored_pixels(encode, value):
    """Only the tag changes: readers that honour it see what the others see."""
    content = encode(Image.effect_noise((64, 48), 50), exif=exif(value), quality=90)
    bare = without_orientation(content)
    assert Orientation.of(bare) is Orientation.UPRIGHT
    assert len(bare) == len(content)
    assert ImageOps.exif_transpose(Image.open(BytesIO(bare))).tobytes() == (
        Image.open(BytesIO(content)).tobytes()
    )


def test_a_picture_without_exif_stays_as_it_is(encode):
    """Nothing is added to a file that has no tag."""
    content = encode(Image.new("RGB", (8, 8)))
    assert without_orientation(content) is content


@given(st.binary(max_size=300))
def test_any_bytes_have_an_orientation(tail):
    """No content makes the reader fail, be it a JPEG by its first bytes or not."""
    for content in (tail, b"\xff\xd8\xff\xe1" + tail, with_tag(3, 1, 6)[:20] + tail):
        assert Orientation.of(content) in Orientation
        assert len(without_orientation(content)) == len(content)
