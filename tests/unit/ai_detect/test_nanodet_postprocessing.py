"""From the network's numbers to boxes, against a slow and plain reading of the same rules."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hsid.ai import nanodet
from hsid.ai.nanodet import BINS, INPUT_SIZE, LABELS, STRIDES, Letterbox

SIZES = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


def outputs_from(seed: int, density: float = 0.001) -> list[np.ndarray]:
    """Return made-up outputs in which a share *density* of the scores is high."""
    rng = np.random.default_rng(seed)
    outputs = []
    for stride in STRIDES:
        cells = (INPUT_SIZE // stride) ** 2
        scores = rng.random((1, cells, len(LABELS)), np.float32)
        scores[rng.random(scores.shape) > density] = 0
        outputs += [scores, rng.normal(0, 4, (1, cells, 4 * BINS)).astype(np.float32)]
    rng.shuffle(order := list(range(len(outputs))))
    return [outputs[index] for index in order]


def plain_decode(outputs, floor):
    """Yield label number, score and corners, cell by cell."""
    for stride in STRIDES:
        per_row = INPUT_SIZE // stride
        level = [out[0] for out in outputs if out.shape[1] == per_row**2]
        scores, distances = sorted(level, key=lambda table: -table.shape[1])
        for cell, label in zip(*np.nonzero(scores >= floor), strict=True):
            sides = []
            for side in range(4):
                weights = [math.exp(x) for x in distances[cell, side * BINS : (side + 1) * BINS]]
                mean = sum(i * w for i, w in enumerate(weights)) / sum(weights)
                sides.append(mean * stride)
            x, y = (cell % per_row + 0.5) * stride, (cell // per_row + 0.5) * stride
            box = (x - sides[0], y - sides[1], x + sides[2], y + sides[3])
            yield int(label), float(scores[cell, label]), box


def iou(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def corners_of(detection):
    x, y, width, height = detection[2:]
    return x, y, x + width, y + height


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_decoding_agrees_with_a_cell_by_cell_reading(seed):
    """Same boxes, same scores, same classes, in order of score."""
    outputs = outputs_from(seed)
    corners, scores, classes = nanodet.decode(outputs, 0.5)
    expected = sorted(plain_decode(outputs, 0.5), key=lambda found: -found[1])
    assert list(scores) == sorted(scores, reverse=True)
    found = sorted(zip(classes.tolist(), scores.tolist(), corners.tolist(), strict=True))
    for ours, theirs in zip(found, sorted(expected), strict=True):
        assert ours[:2] == theirs[:2]
        assert ours[2] == pytest.approx(theirs[2], abs=1e-2)


@given(st.integers(0, 2**32), SIZES)
@settings(max_examples=25, deadline=None)
def test_boxes_lie_inside_the_picture(seed, size):
    """Whatever the network says, a box has an area and no pixel outside."""
    found = nanodet.find(outputs_from(seed, 0.0005), Letterbox.fit(*size), size, 0.3)
    for _, confidence, x, y, width, height in found:
        assert 0.3 <= confidence <= 1
        assert x >= 0 and y >= 0 and width >= 1 and height >= 1  # noqa: PT018 -- one claim
        assert x + width <= size[0] and y + height <= size[1]  # noqa: PT018 -- one claim


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_no_two_boxes_of_a_class_overlap_too_much(seed):
    """Of two that overlap in one class only the better one stays, and none is dropped otherwise."""
    corners, scores, classes = nanodet.decode(outputs_from(seed, 0.002), 0.2)
    classes %= 3
    kept = nanodet.suppress(corners, scores, classes)
    boxes = corners.tolist()
    for place, index in enumerate(kept):
        better = [other for other in kept[:place] if classes[other] == classes[index]]
        assert all(iou(boxes[other], boxes[index]) <= 0.5 + 1e-4 for other in better)
    for index in set(range(len(boxes))) - set(kept):
        rivals = [other for other in kept if classes[other] == classes[index]]
        assert any(iou(boxes[other], boxes[index]) > 0.5 - 1e-4 for other in rivals)


@given(SIZES)
def test_a_letterbox_fills_the_square_and_is_undone(size):
    """The longer side fills the square, and the picture's own corners come back."""
    fit = Letterbox.fit(*size)
    assert max(fit.width, fit.height) == INPUT_SIZE
    placed = np.array([[0, 0, *size]], np.float32) * fit.scale
    placed += [fit.left, fit.top, fit.left, fit.top]
    assert fit.undo(placed, *size)[0].tolist() == pytest.approx([0, 0, *size], rel=1e-3, abs=0.01)


def test_the_input_is_blue_first_and_centred():
    """A red picture has its high values in the last channel, and padding is black."""
    tensor = nanodet.prepare(Image.new("RGB", (200, 100), (255, 0, 0)), Letterbox.fit(200, 100))
    assert tensor.shape == (1, 3, INPUT_SIZE, INPUT_SIZE)
    blue, green, red = tensor[0, :, INPUT_SIZE // 2, INPUT_SIZE // 2]
    assert [blue, green] == pytest.approx([-103.53 / 57.375, -116.28 / 57.12])
    assert red == pytest.approx((255 - 123.675) / 58.395)
    assert tensor[0, 2, 0, 0] == pytest.approx(-123.675 / 58.395)


def test_no_score_at_the_floor_gives_no_boxes():
    """An empty level does not upset the softmax."""
    assert nanodet.find(outputs_from(1, 0), Letterbox.fit(640, 480), (640, 480), 0.5) == []


def test_there_is_a_label_for_each_class():
    """Eighty of them, none twice."""
    assert len(set(LABELS)) == len(LABELS) == 80
