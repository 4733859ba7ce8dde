"""Names on disk survive the way into text and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.paths import from_text, to_text


@given(st.binary(max_size=300))
def test_any_bytes_come_back_unchanged(name: bytes) -> None:
    """`from_text` is the exact inverse of `to_text`."""
    assert from_text(to_text(name)) == name


@given(st.binary(max_size=300))
def test_text_is_printable_and_valid_utf8(name: bytes) -> None:
    """The text can be printed, encoded and stored anywhere."""
    text = to_text(name)

    assert text.isprintable()
    assert text.encode("utf-8").decode("utf-8") == text


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_text_of_a_path_is_its_components_texts_joined(components: list[bytes]) -> None:
    """A scan may put the text of a path together from its parts."""
    assert to_text(b"/".join(components)) == "/".join(to_text(part) for part in components)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"snap/MDAlarm_20260911-123100.jpg", "snap/MDAlarm_20260911-123100.jpg"),
        ("Terrassentür/😀.jpg".encode(), "Terrassentür/😀.jpg"),
        (b"caf\xe9.jpg", r"caf\xe9.jpg"),
        (b"a\nb\t.jpg", r"a\x0ab\x09.jpg"),
        (rb"a\x0a.jpg", r"a\x5cx0a.jpg"),
        ("x\u202egpj.exe".encode(), r"x\xe2\x80\xaegpj.exe"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"'; -- %s", "'; -- %s"),
    ],
)
def test_names_read_as_people_expect(name: bytes, text: str) -> None:
    """Plain names stay as they are; only what can't be shown is escaped."""
    assert to_text(name) == text
