"""Reading the answers of a detection service."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.ai.detector import DetectorReplyError
from hsid.ai.rtdetr import read_reply
from hsid.media.orientation import Orientation
from hsid.model import Box, Detection, DetectionResult

PERSON = {
    "class": "person",
    "confidence": 0.9,
    "bbox": {"x": 10, "y": 20, "width": 30, "height": 40},
}


def reply(*detections: object, **changes: object) -> bytes:
    sizes = {"image_width": 640, "image_height": 480}
    return json.dumps({"detections": list(detections)} | sizes | changes).encode()


def test_a_reply_by_the_contract_is_read():
    """Class, confidence, box and size arrive as sent."""
    found = Detection("person", 0.9, Box(10, 20, 30, 40))
    assert read_reply(reply(PERSON, inference_time_ms=12.5)) == DetectionResult((found,), 640, 480)


def test_an_empty_list_is_a_result():
    """Nothing seen is an ordinary answer."""
    assert read_reply(reply()) == DetectionResult((), 640, 480)


def test_a_box_may_be_a_list():
    """Older services send x, y, width, height in a row."""
    (found,) = read_reply(reply(PERSON | {"bbox": [10, 20, 30, 40]})).detections
    assert found.box == Box(10, 20, 30, 40)


def test_unknown_keys_are_ignored():
    """A newer service may say more."""
    assert read_reply(reply(PERSON | {"track": 7}, model="v3")) == read_reply(reply(PERSON))


def test_a_box_is_cut_to_the_picture():
    """Models measure a little past the edge."""
    (found,) = read_reply(reply(PERSON | {"bbox": [-5, 470.4, 20, 30]})).detections
    assert found.box == Box(0, 470, 15, 10)


def test_boxes_of_a_turned_picture_are_turned():
    """The service measured stored pixels; the result speaks of what viewers see."""
    result = read_reply(reply(PERSON), Orientation.QUARTER_RIGHT)
    assert (result.width, result.height) == (480, 640)
    assert result.detections[0].box == Box(480 - 20 - 40, 10, 40, 30)


@pytest.mark.parametrize(
    "change",
    [
        {"confidence": 1.01},
        {"confidence": -0.1},
        {"confidence": "0.9"},
        {"confidence": None},
        {"confidence": True},
        {"confidence": float("nan")},
        {"class": ""},
        {"class": 3},
        {"class": "x" * 101},
        {"bbox": None},
        {"bbox": [1, 2, 3]},
        {"bbox": [1, 2, 3, 4, 5]},
        {"bbox": [1, 2, -3, 4]},
        {"bbox": [1, 2, float("inf"), 4]},
        {"bbox": ["1", "2", "3", "4"]},
        {"bbox": {"x": 1, "y": 2, "width": 3}},
        {"bbox": [700, 10, 20, 20]},
    ],
)
def test_a_detection_outside_the_contract_spoils_the_reply(change):
    """No value is guessed and no detection dropped in silence."""
    with pytest.raises(DetectorReplyError):
        read_reply(reply(PERSON | change))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"<html>",
        b'{"detections": [',
        b'{"image_width": 640, "image_height": 480}',
        b'{"detections": null, "image_width": 640, "image_height": 480}',
        b'{"detections": {}, "image_width": 640, "image_height": 480}',
        b'{"detections": []}',
        b'{"detections": [], "image_width": 0, "image_height": 480}',
        b'{"detections": [], "image_width": "640", "image_height": 480}',
        b'{"detections": [], "image_width": 640, "image_height": 1e400}',
        b"\xff\xfe",
    ],
)
def test_a_reply_outside_the_contract_is_an_error_never_an_empty_result(body):
    """In particular a reply without detections."""
    with pytest.raises(DetectorReplyError):
        read_reply(body)


def test_the_error_names_the_place():
    """Who runs the service is told which field is wrong."""
    with pytest.raises(DetectorReplyError, match=r"detections\.1\.confidence"):
        read_reply(reply(PERSON, PERSON | {"confidence": 7}))


@given(st.binary(max_size=200))
def test_any_bytes_are_either_read_or_an_error(body):
    """The reader has one way to fail."""
    with pytest.raises(DetectorReplyError):
        read_reply(body)
