"""Pictures to feed: distinct, decodable, of about the size that a camera sends."""

import io
import time
from collections.abc import Iterator
from functools import cache

from PIL import Image


def distinct_jpegs(count: int, *, width: int = 1920, height: int = 1080) -> Iterator[bytes]:
    """Yield *count* pictures that show the same noise and differ in their bytes."""
    body = _noise(width, height)
    for number in range(count):
        yield _with_comment(body, f"hsid benchmark {number} {time.monotonic_ns()}".encode())


@cache
def _noise(width: int, height: int) -> bytes:
    coarse = Image.effect_noise((width // 8, height // 8), 90).convert("RGB")
    buffer = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _with_comment(jpeg: bytes, text: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]
