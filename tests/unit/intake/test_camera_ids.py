"""The first folder below the root names the camera."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.intake.cameras import LONGEST_ID, UNASSIGNED, camera_id_of, camera_of
from hsid.model import Camera

folders = st.binary(min_size=1, max_size=255).filter(lambda name: not {0, 47} & set(name))


@pytest.mark.parametrize(
    ("folder", "camera_id"),
    [
        ("front_door", "front_door"),
        ("Front Door", "front_door"),
        ("front-door", "front_door"),
        ("  Front - - Door  ", "front_door"),
        ("__a__b__", "a_b"),
        ("Kamera #1 (Hof)", "kamera_1_hof"),
        ("Terrassentür", "terrassentür"),
        ("Terrassentu\u0308r", "terrassentür"),
        ("Вход", "вход"),
        ("玄関 カメラ", "玄関_カメラ"),
        ('a"b\\c\n', "abx5ccx0a"),
    ],
)
def test_folders_become_ids(folder: str, camera_id: str) -> None:
    """Letters of any script stay, gaps become one underscore, the rest goes."""
    assert camera_id_of(folder.encode()) == camera_id


@given(folders)
def test_any_folder_has_a_wellformed_id(folder: bytes) -> None:
    """No folder name, however odd, leaves its files without a camera."""
    camera_id = camera_id_of(folder)

    assert re.fullmatch(r"\w{1,64}", camera_id)
    assert camera_id == camera_id_of(folder)


@given(folders | st.text("ΣσςİßǅᄀÅé각\u1161\u11a8\u0301a-_ ", min_size=1).map(str.encode))
def test_the_id_of_an_id_is_that_id(folder: bytes) -> None:
    """Whoever puts a camera's id into the configuration means that camera."""
    camera_id = camera_id_of(folder)

    assert camera_id_of(camera_id.encode()) == camera_id


@pytest.mark.parametrize("folder", [b"---", "🎥".encode(), b" ", b"!"])
def test_a_name_without_letters_gets_a_fingerprint(folder: bytes) -> None:
    """Such folders are told apart from each other."""
    assert re.fullmatch(r"camera_[0-9a-f]{8}", camera_id_of(folder))
    assert camera_id_of(folder) != camera_id_of(folder + b"?")


def test_long_names_with_the_same_start_stay_apart() -> None:
    """An id has at most 64 characters and is still unique."""
    ids = {camera_id_of(b"x" * 200 + end) for end in (b"a", b"b")}

    assert {len(camera_id) for camera_id in ids} == {LONGEST_ID}
    assert len(ids) == 2
    assert camera_id_of(b"x" * LONGEST_ID) == "x" * LONGEST_ID


def test_the_first_folder_decides() -> None:
    """Deeper folders are dates and the like, not cameras."""
    assert camera_of(b"Front Door/2026/11/a.jpg", {}) == Camera("front_door", "Front Door")


def test_a_file_in_the_root_is_unassigned() -> None:
    """Its name is no camera."""
    assert camera_of(b"a.jpg", {}) is UNASSIGNED


def test_a_configured_camera_is_matched_by_id() -> None:
    """What the configuration says of a camera wins over its folder's name."""
    configured = Camera("front_door", "Haustür", timezone="Europe/Berlin")

    assert camera_of(b"Front-Door/a.jpg", {"front_door": configured}) is configured
