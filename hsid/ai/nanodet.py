"""NanoDet: from a picture's pixels to boxes. Runs in worker processes only.

Guarantees that boxes come back in pixels of the picture that was given, inside it, and that no two
of one class overlap by more than `MAX_OVERLAP`, rounding aside. It knows nothing of files;
`hsid.media.decoding` opens those.

The model looks at 416 by 416 pixels, cut into cells of 8, 16 and 32. For each cell it gives 80
class scores and, for each of the four sides of a box, a distribution over 11 distances; the
expectation of that distribution, times the cell's size, is how far the side lies from the middle
of the cell.
"""

from dataclasses import astuple, dataclass
from functools import cache
from importlib import resources
from typing import TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from hsid.ai.geometry import whole_box

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.intp]
RawDetection: TypeAlias = tuple[str, float, int, int, int, int]
"""Label, confidence, x, y, width, height: what crosses the pipe to the daemon."""

INPUT_SIZE = 416
STRIDES = (8, 16, 32)
BINS = 11
MAX_OVERLAP = 0.5
MAX_CANDIDATES = 1000
"""Boxes looked at per picture, best first: bounds the quadratic suppression."""

MODEL_FILE = "nanodet_g_416_fp16.onnx"
_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)

LABELS = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog"),
    *("horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella"),
    *("handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite"),
    *("baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle"),
    *("wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich"),
    *("orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote"),
    *("keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book"),
    *("clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
)
"""The classes of COCO, in the order of the model's scores."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture was fitted into the model's square: scaled, then moved right and down."""

    scale: float
    width: int
    height: int
    left: int
    top: int

    @classmethod
    def fit(cls, width: int, height: int) -> "Letterbox":
        """Return the largest fit that keeps the proportions, in the middle of the square."""
        scale = INPUT_SIZE / max(width, height)
        inner = [max(1, round(side * scale)) for side in (width, height)]
        return cls(scale, *inner, *((INPUT_SIZE - side) // 2 for side in inner))

    def undo(self, corners: Floats, width: int, height: int) -> Floats:
        """Return *corners* (left, top, right, bottom) in pixels of the picture, clipped to it."""
        offset = np.array([self.left, self.top] * 2, np.float32)
        limit = np.array([width, height] * 2, np.float32)
        clipped: Floats = np.clip((corners - offset) / np.float32(self.scale), 0, limit)
        return clipped


def detect(image: Image.Image, size: tuple[int, int], floor: float) -> list[RawDetection]:
    """Return what the model sees in *image* with at least *floor* confidence, best first.

    *image* is RGB and may be smaller than the picture it stands for; boxes are in pixels of *size*.
    """
    fit = Letterbox.fit(*size)
    return find(_run(prepare(image, fit)), fit, size, floor)


def find(
    outputs: list[Floats], fit: Letterbox, size: tuple[int, int], floor: float
) -> list[RawDetection]:
    """Return what the model's *outputs* mean for a picture of *size* that was fitted by *fit*."""
    corners, scores, classes = decode(outputs, floor)
    corners = fit.undo(corners, *size)
    kept = suppress(corners, scores, classes)
    boxes = [whole_box(corners[index].tolist(), size) for index in kept]
    return [
        (LABELS[classes[index]], min(1.0, float(scores[index])), *astuple(box))
        for index, box in zip(kept, boxes, strict=True)
        if box is not None
    ]


def prepare(image: Image.Image, fit: Letterbox) -> Floats:
    """Return *image* as the model wants it: letterboxed, blue first, centred, (1, 3, 416, 416)."""
    square = Image.new("RGB", (INPUT_SIZE, INPUT_SIZE))
    inner = image.resize((fit.width, fit.height), Image.Resampling.BILINEAR)
    square.paste(inner, (fit.left, fit.top))
    blue_first = np.asarray(square, np.float32)[:, :, ::-1]
    normal = (blue_first - _MEAN) / _DEVIATION
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32)


def decode(outputs: list[Floats], floor: float) -> tuple[Floats, Floats, Indices]:
    """Return corners, scores and class numbers of all boxes that reach *floor*, best first.

    *outputs* come in any order; a level is told by its number of cells and of columns.
    """
    found = [_decode_level(*_level(outputs, stride), stride, floor) for stride in STRIDES]
    corners, scores, classes = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    return corners[order], scores[order], classes[order]


def suppress(corners: Floats, scores: Floats, classes: Indices) -> list[int]:
    """Return which boxes stay, best first: of two that overlap in one class, the better one."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        clash = (classes[rest] == classes[best]) & (
            overlap(corners[best], corners[rest]) > MAX_OVERLAP
        )
        order = rest[~clash]
    return kept


def overlap(one: Floats, many: Floats) -> Floats:
    """Return the intersection over union of one box with each of *many*; 0 for empty boxes."""
    shared = np.prod(
        np.clip(np.minimum(one[2:], many[:, 2:]) - np.maximum(one[:2], many[:, :2]), 0, None),
        axis=1,
    )
    union = np.prod(one[2:] - one[:2]) + np.prod(many[:, 2:] - many[:, :2], axis=1) - shared
    share: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return share


def _level(outputs: list[Floats], stride: int) -> tuple[Floats, Floats]:
    cells = (INPUT_SIZE // stride) ** 2
    tables = {out.shape[-1]: out.reshape(cells, -1) for out in outputs if out.shape[-2] == cells}
    return tables[len(LABELS)], tables[4 * BINS]


def _decode_level(
    scores: Floats, distances: Floats, stride: int, floor: float
) -> tuple[Floats, Floats, Indices]:
    cells, classes = np.nonzero(scores >= floor)
    sides = expectation(distances[cells].reshape(-1, 4, BINS)) * stride
    per_row = INPUT_SIZE // stride
    middle = np.stack([cells % per_row, cells // per_row], axis=1) * stride + stride / 2
    corners = np.concatenate([middle - sides[:, :2], middle + sides[:, 2:]], axis=1)
    return corners.astype(np.float32), scores[cells, classes], classes


def expectation(logits: Floats) -> Floats:
    """Return the mean bin number under the softmax of the last axis."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    mean: Floats = (weights * np.arange(BINS, dtype=np.float32)).sum(-1) / weights.sum(-1)
    return mean


def _run(pixels: Floats) -> list[Floats]:
    session = _session()
    try:
        outputs: list[Floats] = session.run(None, {session.get_inputs()[0].name: pixels})
    except Exception as error:
        if "alloc" in str(error):  # the only sign by which onnxruntime tells it
            raise MemoryError from error
        raise
    return outputs


@cache
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the pool's processes are the parallelism
    options.inter_op_num_threads = 1
    model = resources.files("hsid.ai").joinpath("models", MODEL_FILE).read_bytes()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
