"""Pictures made by Pillow, which is the judge that the parsers here are measured by."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

Encoder = Callable[..., bytes]


def _encode(kind: str, size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    buffer = io.BytesIO()
    picture = Image.effect_noise(size, 80).convert("RGB")
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def encode() -> Encoder:
    """Return a function that encodes a noisy picture: `encode("JPEG", (64, 48), quality=80)`."""
    return _encode


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """Return a small whole JPEG."""
    return _encode("JPEG")


@pytest.fixture(scope="session")
def png() -> bytes:
    """Return a small whole PNG."""
    return _encode("PNG")
