"""Opening pictures: what is refused, and that the rest comes out upright and in colour."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from hsid.media.decoding import decode
from hsid.model import RefusalReason
from hsid.refusal import RefusedError

LIMIT = 10_000_000


def refusal(content: bytes, limit: int = LIMIT, wanted: int | None = 832) -> RefusalReason:
    with pytest.raises(RefusedError) as refused:
        decode(content, limit, wanted)
    return refused.value.reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
@pytest.mark.parametrize("wanted", [None, 100])
def test_a_cut_picture_is_refused(encode, photo, kind, share, wanted):
    """A missing tail is noticed, also where the picture is decoded at a fraction of its size."""
    content = encode(photo, kind)
    cut = content[: int(len(content) * share)]
    assert refusal(cut, wanted=wanted) in {RefusalReason.TRUNCATED, RefusalReason.CORRUPT}


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("wanted", [None, 100])
def test_a_jpeg_that_lacks_one_byte_of_pixels_is_refused_as_cut(encode, photo, progressive, wanted):
    """The last byte before the end marker is missed."""
    content = encode(photo, progressive=progressive)
    assert refusal(content[:-3], wanted=wanted) is RefusalReason.TRUNCATED


def test_a_png_with_a_changed_byte_is_refused_as_corrupt(encode, photo):
    """A PNG's checksums are believed."""
    content = bytearray(encode(photo, "PNG"))
    content[len(content) // 2] ^= 0xFF
    assert refusal(bytes(content)) is RefusalReason.CORRUPT


@pytest.mark.parametrize("kind", ["GIF", "BMP", "WEBP", "TIFF"])
def test_a_format_is_told_by_content_and_others_are_refused(encode, photo, kind):
    """What is neither JPEG nor PNG is refused, whatever Pillow could do with it."""
    assert refusal(encode(photo, kind)) is RefusalReason.NOT_A_PICTURE


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", RefusalReason.EMPTY_FILE),
        (b"\xff", RefusalReason.NOT_A_PICTURE),
        (b"\xff\xd8", RefusalReason.NOT_A_PICTURE),
        (b"hello, this is text", RefusalReason.NOT_A_PICTURE),
        (b"<html><body>502 Bad Gateway</body></html>", RefusalReason.NOT_A_PICTURE),
    ],
)
def test_what_is_no_picture_is_refused(content, reason):
    """Empty files, stubs, text and error pages never reach the network."""
    assert refusal(content) is reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_too_many_pixels_are_refused_before_decoding(encode, kind):
    """The header decides: the rest of the file need not even be there."""
    head = encode(Image.new("L", (4000, 3000)), kind)[:2000]
    assert refusal(head, limit=11_999_999) is RefusalReason.TOO_MANY_PIXELS


def test_the_limit_is_the_callers_alone(encode):
    """Pillow's own limit neither warns nor refuses below the caller's."""
    content = encode(Image.new("1", (10_000, 9_000)), "PNG")
    assert decode(content, 90_000_000).width == 10_000


def test_an_inflated_text_chunk_is_refused(encode):
    """A PNG that hides megabytes in a comment is no picture worth its memory."""
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 -- used here alone

    info = PngInfo()
    info.add_text("comment", "x" * (1 << 21), zip=True)
    assert refusal(encode(Image.new("L", (8, 8)), "PNG", pnginfo=info)) is RefusalReason.CORRUPT


@pytest.mark.parametrize("value", range(1, 9))
def test_a_picture_comes_out_as_viewers_see_it(encode, value):
    """For each orientation the pixels are those that Pillow's own turning gives."""
    stored = Image.new("RGB", (96, 64), "navy")
    ImageDraw.Draw(stored).rectangle((0, 0, 40, 20), fill="white")
    tags = Image.Exif()
    tags[0x0112] = value
    content = encode(stored, exif=tags, quality=95)
    seen = decode(content, LIMIT)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert seen.image.tobytes() == expected.tobytes()
    assert (seen.width, seen.height) == expected.size


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_every_kind_of_png_comes_out_in_colour(encode, mode):
    """Grey, palette, transparent and deep pictures all end as RGB of the same size."""
    plain = Image.new("L", (20, 10), 255)
    deep = Image.fromarray(np.full((10, 20), 200 << 8, np.uint16))
    image = deep if mode == "I;16" else plain.convert("RGBA").convert(mode)
    seen = decode(encode(image, "PNG"), LIMIT).image
    assert (seen.mode, seen.size) == ("RGB", (20, 10))
    assert min(seen.getpixel((5, 5))) >= 199


def test_what_is_transparent_is_shown_on_black(encode):
    """Colours hidden by transparency are not detected."""
    seen = decode(encode(Image.new("RGBA", (4, 4), (255, 0, 0, 0)), "PNG"), LIMIT).image
    assert seen.getpixel((1, 1)) == (0, 0, 0)


def test_a_print_jpeg_comes_out_in_colour(encode):
    """CMYK is converted, not taken for four channels of something else."""
    content = encode(Image.new("RGB", (32, 32), (250, 10, 10)).convert("CMYK"))
    red, green, blue = decode(content, LIMIT).image.getpixel((9, 9))
    assert red > 200
    assert max(green, blue) < 60


def test_a_large_jpeg_is_decoded_no_finer_than_wanted(encode):
    """The original's size is still what is reported."""
    seen = decode(encode(Image.new("RGB", (3840, 2160))), LIMIT, wanted=832)
    assert (seen.width, seen.height) == (3840, 2160)
    assert 832 <= max(seen.image.size) < 3840
