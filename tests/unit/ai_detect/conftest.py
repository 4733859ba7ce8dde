"""Pictures made on the spot."""

import io

import numpy as np
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
    return Image.fromarray(np.random.default_rng(7).integers(0, 255, (360, 640, 3), np.uint8))
