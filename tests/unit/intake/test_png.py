"""The chunks of a PNG are walked to IEND without unpacking."""

import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hsid.intake.formats import PNG_SIGNATURE
from hsid.intake.png import read_png
from hsid.model import RefusalReason
from hsid.refusal import RefusedError

LIMIT = 100_000_000
any_example = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """Return a well-formed chunk."""
    checksum = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + checksum


def header(width: int, height: int) -> bytes:
    """Return a header chunk."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return chunk(b"IHDR", size + b"\x08\x02\0\0\0")


def refusal_of(content: bytes, max_pixels: int = LIMIT) -> RefusalReason:
    """Return why *content* is refused."""
    with pytest.raises(RefusedError) as caught:
        read_png(content, max_pixels)
    return caught.value.reason


def test_size_is_read_from_the_header(png: bytes) -> None:
    """Width and height are the stored ones."""
    found = read_png(png, LIMIT)

    assert (found.width, found.height) == (64, 48)


def test_every_prefix_is_truncated(png: bytes) -> None:
    """No proper prefix passes for a whole picture."""
    ends = {*range(8, 60), *range(len(png) - 30, len(png)), len(png) // 2}

    assert {refusal_of(png[:end]) for end in ends} == {RefusalReason.TRUNCATED}


def test_a_bomb_is_refused_by_its_header(encode) -> None:
    """19000x19000 pixels of one colour are few bytes and too many pixels."""
    bomb = PNG_SIGNATURE + header(19_000, 19_000) + chunk(b"IDAT", b"x") + chunk(b"IEND")

    assert refusal_of(bomb) is RefusalReason.TOO_MANY_PIXELS


def test_bytes_behind_the_end_and_long_texts_are_tolerated(png: bytes) -> None:
    """A text chunk of a MiB is passed over, junk behind IEND is never read."""
    text = chunk(b"tEXt", b"x" * 2**20)
    at = len(PNG_SIGNATURE) + len(header(1, 1))

    assert read_png(png[:at] + text + png[at:] + b"junk", LIMIT).width == 64


@pytest.mark.parametrize(
    "chunks",
    [
        header(0, 5) + chunk(b"IDAT") + chunk(b"IEND"),
        header(5, 5) + chunk(b"IEND"),
        chunk(b"IDAT") + header(5, 5) + chunk(b"IEND"),
        chunk(b"IEND"),
        chunk(b"IHDR", b"short") + chunk(b"IDAT") + chunk(b"IEND"),
        header(5, 5) + header(5, 5) + chunk(b"IDAT") + chunk(b"IEND"),
        header(5, 5)[:-1] + b"!" + chunk(b"IDAT") + chunk(b"IEND"),
        header(5, 5) + chunk(b"IDAT", b"x")[:-1] + b"!" + chunk(b"IEND"),
        header(5, 5) + chunk(b"\0\1\2\3") + chunk(b"IEND"),
        header(5, 5) + b"\xff\xff\xff\xffIDAT" + chunk(b"IEND"),
    ],
    ids=[
        "no pixels",
        "no data",
        "wrong order",
        "only an end",
        "short header",
        "two headers",
        "header checksum",
        "data checksum",
        "no chunk name",
        "impossible length",
    ],
)
def test_what_breaks_the_format_is_corrupt(chunks: bytes) -> None:
    """Wrong order, wrong checksums and impossible values are told from a cut."""
    assert refusal_of(PNG_SIGNATURE + chunks) is RefusalReason.CORRUPT


def test_a_wrong_checksum_of_an_optional_chunk_is_tolerated(png: bytes) -> None:
    """A decoder can do without such a chunk, so the picture is good."""
    at = len(PNG_SIGNATURE) + len(header(1, 1))
    text = chunk(b"tEXt", b"x")[:-1] + b"!"

    assert read_png(png[:at] + text + png[at:], LIMIT).height == 48


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_else(content: bytes) -> None:
    """Whatever follows the signature, the answer is a header or a refusal."""
    try:
        read_png(PNG_SIGNATURE + content, LIMIT)
    except RefusedError as error:
        assert error.detail  # noqa: PT017 - both outcomes are right


@any_example
@given(st.data())
def test_a_damaged_file_raises_nothing_else(png: bytes, data: st.DataObject) -> None:
    """Flipped bytes anywhere lead to a header or a refusal, never to another error."""
    damaged = bytearray(png)
    for at in data.draw(st.lists(st.integers(8, len(png) - 1), min_size=1, max_size=8)):
        damaged[at] = data.draw(st.integers(0, 255))
    try:
        found = read_png(bytes(damaged), LIMIT)
    except RefusedError:
        return
    assert 0 < found.width * found.height <= LIMIT
