"""Extensions and MIME types map onto each other."""

from pathlib import Path

import pytest

from hsid import mime_types


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.jpg", "image/jpeg"),
        ("a.JPEG", "image/jpeg"),
        (Path("x/y.Png"), "image/png"),
        ("a.b.mp4", "video/mp4"),
        ("a.mkv", "video/x-matroska"),
        ("a.avi", "video/x-msvideo"),
        ("a.mov", "video/quicktime"),
        ("a.jpg.part", None),
        ("jpg", None),
        (".jpg", None),
        ("", None),
    ],
)
def test_the_extension_decides(path: str | Path, expected: str | None) -> None:
    """Only the last extension counts, in any case."""
    assert mime_types.get_mime_type(path) == expected


def test_an_unknown_extension_yields_the_default() -> None:
    """The caller may choose what unknown files are called."""
    assert mime_types.get_mime_type_with_default("a.txt") == mime_types.DEFAULT_IMAGE_MIME
    assert mime_types.get_mime_type_with_default("a.txt", "video/mp4") == "video/mp4"
    assert mime_types.get_mime_type_with_default("a.png", "video/mp4") == "image/png"


@pytest.mark.parametrize("mime_type", sorted(set(mime_types.EXTENSION_TO_MIME.values())))
def test_each_type_is_either_a_picture_or_a_clip(mime_type: str) -> None:
    """No supported type is both, none is neither."""
    is_image = mime_types.is_image_mime_type(mime_type)

    assert is_image is not mime_types.is_video_mime_type(mime_type)
    assert mime_types.is_supported_mime_type(mime_type)


@pytest.mark.parametrize("mime_type", [None, "", "text/plain", "IMAGE/JPEG"])
def test_other_types_are_not_supported(mime_type: str | None) -> None:
    """The predicates take MIME types in their normal form only."""
    assert not mime_types.is_supported_mime_type(mime_type)


def test_each_type_has_an_extension_that_leads_back() -> None:
    """The reverse mapping is complete and consistent."""
    for mime_type, extension in mime_types.MIME_TO_EXTENSION.items():
        assert mime_types.EXTENSION_TO_MIME[extension] == mime_type
    assert set(mime_types.MIME_TO_EXTENSION) == set(mime_types.EXTENSION_TO_MIME.values())
    assert mime_types.MIME_TO_EXTENSION["image/jpeg"] == ".jpg"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (".jpg", "image/jpeg"),
        ("jpg", "image/jpeg"),
        (" PNG ", "image/png"),
        ("image/png", "image/png"),
        ("Video/MP4", "video/mp4"),
        ("text/plain", None),
        ("exe", None),
        ("", None),
    ],
)
def test_mixed_forms_are_normalised(given: str, expected: str | None) -> None:
    """An extension with or without its dot and a MIME type mean the same."""
    assert mime_types.normalize_file_type(given) == expected
