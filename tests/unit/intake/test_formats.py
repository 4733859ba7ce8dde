"""Content tells the format, whatever the name says."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hsid.intake.formats import HEAD_BYTES, is_cut_signature, looks_whole, recognise


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    """Return the start of an ISO media file of these brands."""
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return (len(body) + 4).to_bytes(4, "big") + body + b"mdat"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_pictures_are_recognised_as_pillow_writes_them(kind: str) -> None:
    """The MIME type is the one Pillow knows the format by."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, kind)

    form = recognise(buffer.getvalue()[:HEAD_BYTES])

    assert form is not None
    assert form.mime_type == Image.MIME[kind]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (ftyp(b"heic", b"mif1", b"heic"), "HEIC"),
        (ftyp(b"mif1", b"heic"), "HEIC"),
        (ftyp(b"mif1", b"avif"), "AVIF"),
        (ftyp(b"avif"), "AVIF"),
        (ftyp(b"isom", b"iso2", b"mp41"), "MP4"),
        (ftyp(b"qt  "), "QuickTime"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "QuickTime"),
        (b"\x1a\x45\xdf\xa3", "Matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI"),
        (b"FLV\x01", "Flash video"),
        (b"G" + bytes(187) + b"G", "MPEG transport stream"),
        (b"\xff\x0a", "JPEG XL"),
    ],
)
def test_other_formats_are_named(head: bytes, name: str) -> None:
    """A refusal can say what the file is, not only what it is not."""
    form = recognise(head)

    assert form is not None
    assert form.name == name


@pytest.mark.parametrize("head", [b"", b"<!DOCTYPE html>", b"BMW 320d", b"RIFF\0\0\0\0WAVE", b"\0"])
def test_what_is_no_picture_is_not_recognised(head: bytes) -> None:
    """Texts, error pages and sounds are nothing known."""
    assert recognise(head) is None


@given(st.binary(max_size=HEAD_BYTES), st.binary(max_size=64))
def test_arbitrary_bytes_never_raise(head: bytes, tail: bytes) -> None:
    """A file whose format is not known never looks whole."""
    if recognise(head) is None:
        assert not looks_whole(head, tail)


@pytest.mark.parametrize("head", [b"\xff", b"\x89", b"\x89PNG\r\n"])
def test_a_cut_signature_is_told_from_junk(head: bytes) -> None:
    """One byte of a picture is a picture cut short."""
    assert is_cut_signature(head)
    assert not is_cut_signature(head + b"junk")


def test_the_trailer_tells_a_whole_picture(jpeg: bytes, png: bytes) -> None:
    """A whole picture has its trailer, padded or not; a cut one has not."""
    for whole in (jpeg, png):
        assert looks_whole(whole, whole[-100:])
        assert looks_whole(whole, whole[-50:] + bytes(50))
        assert not looks_whole(whole, whole[-100:-2])


def test_clips_have_no_trailer_to_go_by() -> None:
    """A clip waits until it has been quiet for long."""
    assert not looks_whole(ftyp(b"isom"), b"moov")
