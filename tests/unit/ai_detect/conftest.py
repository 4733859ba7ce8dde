"""Pictures made on the spot."""

import io

import pytest
from PIL import Image


@pytest.fixture
def encode():
    """Return a function that encodes an image with the options of Pillow's `save`."""

    def build(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    return build


@pytest.fixture
def photo() -> Image.Image:
    """A picture that needs all of its data: noise."""
    return Image.effect_noise((640, 360), 60).convert("RGB")
