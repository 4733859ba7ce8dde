"""Which detections matter, and boxes of whole pixels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.ai.filtering import keep_relevant, normalise_label
from hsid.ai.geometry import whole_box
from hsid.model import Box, Detection, DetectionResult

BOX = Box(0, 0, 10, 10)


def result(*found: tuple[str, float]) -> DetectionResult:
    return DetectionResult(tuple(Detection(label, sure, BOX) for label, sure in found), 100, 100)


def test_only_listed_classes_stay():
    """A cup is of no interest to a home's security."""
    kept = keep_relevant(result(("person", 0.9), ("cup", 0.9)), frozenset({"person", "car"}), 0.5)
    assert [found.label for found in kept] == ["person"]


def test_confidence_at_the_threshold_is_enough():
    """The threshold is the lowest value that counts."""
    kept = keep_relevant(result(("cat", 0.5), ("cat", 0.4999)), frozenset({"cat"}), 0.5)
    assert [found.confidence for found in kept] == [0.5]


@pytest.mark.parametrize(
    "spelling", ["Sports Ball", "sports_ball", " sports  ball\n", "SPORTS_BALL"]
)
def test_spellings_of_a_class_are_one(spelling):
    """Detectors differ in case and in how they part words."""
    assert normalise_label(spelling) == "sports ball"


def test_what_stays_is_named_normally():
    """A detection leaves the filter with its normalised label."""
    (kept,) = keep_relevant(result(("Person", 0.9)), frozenset({"person"}), 0.5)
    assert kept.label == "person"


NUMBERS = st.floats(-2000, 2000)


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), st.tuples(*[st.integers(1, 1000)] * 2))
def test_a_whole_box_lies_inside_the_picture_or_there_is_none(corners, size):
    """There is a box exactly when the corners are in order and touch the picture."""
    left, top, right, bottom = corners
    touches = left <= size[0] and top <= size[1] and right >= 0 and bottom >= 0
    box = whole_box(corners, size)
    assert (box is not None) == (touches and left <= right and top <= bottom)
    if box:
        assert min(box.x, box.y) >= 0
        assert box.width >= 1 <= box.height
        assert box.x + box.width <= size[0]
        assert box.y + box.height <= size[1]


def test_a_whole_box_is_the_nearest():
    """Edges are rounded, not cut."""
    assert whole_box((1.6, 2.4, 9.5001, 8), (50, 50)) == Box(2, 2, 8, 6)
