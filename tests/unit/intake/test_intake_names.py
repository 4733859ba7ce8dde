"""Names decide whether a file is looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.intake.names import base_name, is_candidate, is_candidate_path, join

UPLOADS = """a.jpg A.JPG a.jpeg x.y.png a.mp4 -rf.jpg 😀.jpg %s.jpg ';--.jpg""".encode().split()
TEMPORARY = b".a.jpg.X7fK2p .a.jpg a.jpg.part a.jpg.tmp a.jpg.filepart a.jpg~".split()
FOREIGN = [*b"a.txt a jpg .jpg Thumbs.db".split(), b""]


@pytest.mark.parametrize("name", [*UPLOADS, b"caf\xe9.jpg", b"a\nb.jpg", b"a" * 251 + b".jpg"])
def test_uploads_are_candidates(name: bytes) -> None:
    """Any name with a media extension will do, printable or not."""
    assert is_candidate(name)


@pytest.mark.parametrize("name", [*TEMPORARY, *FOREIGN])
def test_temporary_and_foreign_names_are_not(name: bytes) -> None:
    """rsync's, WinSCP's and editors' scratch files are never taken for uploads."""
    assert not is_candidate(name)


@pytest.mark.parametrize("path", [b".rsync-partial/a.jpg", b"cam/.trash/a.jpg", b"cam/.a.jpg"])
def test_nothing_in_a_hidden_folder_is(path: bytes) -> None:
    """Partial uploads may lie there under their final name."""
    assert not is_candidate_path(path)
    assert is_candidate_path(path.replace(b".", b"").replace(b"jpg", b".jpg"))


@given(st.binary(), st.binary().filter(lambda name: b"/" not in name))
def test_joined_paths_come_apart_again(folder: bytes, name: bytes) -> None:
    """The base name of a joined path is the name that was joined."""
    assert base_name(join(folder, name)) == name
