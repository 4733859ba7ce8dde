"""Make the files of the story out of the photographs that come with hsid.

Deterministic: the same content gives the same bytes, so "the same file twice" is just that.
"""

from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import assert_never

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from hsid.cli.demo.story import Content, CutShort, Sample, Text, View

FRAME = (1280, 720)
FADE = 24
"""Pixels over which a photograph fades into the darkness around it."""
JPEG_QUALITY = 85
CUT_AT = 0.6
"""Share of a file that arrives before the connection breaks."""


def render(content: Content) -> bytes:
    """Return the bytes of the file that *content* describes."""
    match content:
        case View():
            return _expose(content)
        case CutShort(view):
            whole = _expose(view)
            return whole[: int(len(whole) * CUT_AT)]
        case Text(text):
            return text.encode()
        case _:
            assert_never(content)


def photograph(sample: Sample) -> bytes:
    """Return the file of *sample* as it is shipped."""
    return files("hsid.cli.demo").joinpath("pictures", sample).read_bytes()


@cache
def _expose(view: View) -> bytes:
    with Image.open(BytesIO(photograph(view.sample))) as shipped:
        picture = shipped.convert("RGB")
    if view.mirrored:
        picture = ImageOps.mirror(picture)
    picture = ImageOps.scale(picture, view.height / picture.height)
    picture = ImageEnhance.Brightness(picture).enhance(view.light)
    frame = _darkness()
    frame.paste(picture, (view.x, view.y), _soft_edges(picture.size))
    file = BytesIO()
    frame.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def _darkness() -> Image.Image:
    """Return what a camera sees at night when there is nothing to see."""
    ramp = Image.linear_gradient("L").resize(FRAME)
    sky, ground = Image.new("RGB", FRAME, (10, 14, 26)), Image.new("RGB", FRAME, (34, 32, 30))
    return Image.composite(ground, sky, ramp)


def _soft_edges(size: tuple[int, int]) -> Image.Image:
    """Return a mask that lets a picture of *size* fade into what it is placed on."""
    width, height = size
    mask = Image.new("L", size, 0)
    inside = (FADE, FADE, width - FADE - 1, height - FADE - 1)
    ImageDraw.Draw(mask).rectangle(inside, fill=255)
    return mask.filter(ImageFilter.GaussianBlur(FADE / 2))
