"""The frame of a JPEG is walked to its end without decoding."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hsid.intake.jpeg import read_jpeg
from hsid.model import RefusalReason
from hsid.refusal import RefusedError

LIMIT = 100_000_000
any_example = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def refusal_of(content: bytes, max_pixels: int = LIMIT) -> RefusalReason:
    """Return why *content* is refused."""
    with pytest.raises(RefusedError) as caught:
        read_jpeg(content, max_pixels)
    return caught.value.reason


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"restart_marker_blocks": 1}, {"optimize": True, "quality": 95}],
)
def test_size_is_read_from_any_kind_of_jpeg(encode, options) -> None:
    """Baseline, progressive and restart-marked files are all walked to their end."""
    header = read_jpeg(encode("JPEG", (61, 47), **options), LIMIT)

    assert (header.width, header.height) == (61, 47)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_file_is_truncated(encode, share: float, progressive: bool) -> None:  # noqa: FBT001 - a parameter
    """Wherever an upload broke off, the cut is noticed."""
    content = encode("JPEG", (320, 240), progressive=progressive)

    assert refusal_of(content[: int(len(content) * share)]) is RefusalReason.TRUNCATED


def test_every_prefix_is_truncated(jpeg: bytes) -> None:
    """No proper prefix passes for a whole picture, the last two bytes included."""
    reasons = {refusal_of(jpeg[:end]) for end in range(2, len(jpeg))}

    assert reasons == {RefusalReason.TRUNCATED}


def test_the_end_of_an_embedded_thumbnail_is_not_the_end(jpeg: bytes) -> None:
    """A thumbnail's end marker inside a segment doesn't make a cut file whole."""
    thumbnail = b"\xff\xe1" + (len(jpeg) + 2).to_bytes(2, "big") + jpeg
    content = jpeg[:2] + thumbnail + jpeg[2:]

    assert read_jpeg(content, LIMIT).width == 64
    assert refusal_of(content[:-2]) is RefusalReason.TRUNCATED


@pytest.mark.parametrize("padding", [b"\0" * 5000, b"\xff" * 7, b"junk", b"\xff\xd8\xff\xd9"])
def test_bytes_behind_the_end_are_tolerated(jpeg: bytes, padding: bytes) -> None:
    """Cameras pad their files, and some append a second picture."""
    assert read_jpeg(jpeg + padding, LIMIT).height == 48


def test_fill_bytes_before_a_marker_are_tolerated(jpeg: bytes) -> None:
    """The standard allows any number of FF in front of a marker."""
    assert read_jpeg(jpeg[:2] + b"\xff\xff" + jpeg[2:-2] + b"\xff\xff" + jpeg[-2:], LIMIT)


def test_a_forged_size_is_refused_by_its_header(jpeg: bytes) -> None:
    """65500x65500 pixels are refused although the file is tiny, cut or not."""
    at = jpeg.index(b"\xff\xc0") + 5
    forged = jpeg[:at] + (65500).to_bytes(2, "big") * 2 + jpeg[at + 4 :]

    assert refusal_of(forged) is RefusalReason.TOO_MANY_PIXELS
    assert refusal_of(forged[:-40]) is RefusalReason.TOO_MANY_PIXELS


def test_the_limit_itself_is_allowed(jpeg: bytes) -> None:
    """A picture of exactly as many pixels as allowed passes, one more is refused."""
    assert read_jpeg(jpeg, 64 * 48)
    assert refusal_of(jpeg, 64 * 48 - 1) is RefusalReason.TOO_MANY_PIXELS


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8 no marker here",
        b"\xff\xd8\xff\x02\0\x04ab\xff\xd9",
        b"\xff\xd8\xff\xe0\0\x01\xff\xd9",
        b"\xff\xd8\xff\xc0\0\x04\x08\0\xff\xd9",
        b"\xff\xd8\xff\xc0\0\x08\x08\0\0\0\0\0\xff\xda\0\x02\xff\xd9",
    ],
    ids=["no picture", "no marker", "reserved", "short segment", "short frame", "no pixels"],
)
def test_what_breaks_the_format_is_corrupt(content: bytes) -> None:
    """Broken structure is told from a file that merely ends too early."""
    assert refusal_of(content) is RefusalReason.CORRUPT


@given(st.binary(max_size=400))
def test_arbitrary_bytes_raise_nothing_else(content: bytes) -> None:
    """Whatever follows the signature, the answer is a header or a refusal."""
    try:
        read_jpeg(b"\xff\xd8\xff" + content, LIMIT)
    except RefusedError as error:
        assert error.detail  # noqa: PT017 - both outcomes are right


@any_example
@given(st.data())
def test_a_damaged_file_raises_nothing_else(jpeg: bytes, data: st.DataObject) -> None:
    """Flipped bytes anywhere lead to a header or a refusal, never to another error."""
    damaged = bytearray(jpeg)
    for at in data.draw(st.lists(st.integers(2, len(jpeg) - 1), min_size=1, max_size=8)):
        damaged[at] = data.draw(st.integers(0, 255))
    try:
        header = read_jpeg(bytes(damaged), LIMIT)
    except RefusedError:
        return
    assert 0 < header.width * header.height <= LIMIT


@any_example
@given(size=st.tuples(st.integers(1, 80), st.integers(1, 80)), quality=st.integers(1, 95))
def test_size_agrees_with_pillow(encode, size: tuple[int, int], quality: int) -> None:
    """For any picture the header says what the decoder says."""
    content = encode("JPEG", size, quality=quality)

    header = read_jpeg(content, LIMIT)

    assert (header.width, header.height) == Image.open(io.BytesIO(content)).size == size
