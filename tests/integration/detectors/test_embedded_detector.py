"""The embedded detector on real photographs, in real worker processes."""

import io
import subprocess
import sys

import pytest
from PIL import Image, ImageOps

from hsid.ai.detector import DetectorUnavailableError, Picture
from hsid.ai.embedded import EmbeddedDetector
from hsid.media.orientation import Orientation
from hsid.model import RefusalReason
from hsid.refusal import RefusedError

UNDO = {
    Orientation.UPRIGHT: None,
    Orientation.MIRRORED: Image.Transpose.FLIP_LEFT_RIGHT,
    Orientation.UPSIDE_DOWN: Image.Transpose.ROTATE_180,
    Orientation.FLIPPED: Image.Transpose.FLIP_TOP_BOTTOM,
    Orientation.TRANSPOSED: Image.Transpose.TRANSPOSE,
    Orientation.QUARTER_RIGHT: Image.Transpose.ROTATE_90,
    Orientation.TRANSVERSED: Image.Transpose.TRANSVERSE,
    Orientation.QUARTER_LEFT: Image.Transpose.ROTATE_270,
}


@pytest.fixture
def build_detector(open_pool):
    def build(floor=0.5, max_pixels=50_000_000, **limits):
        return EmbeddedDetector(open_pool(**limits), score_floor=floor, max_pixels=max_pixels)

    return build


def jpeg(content: bytes, mime: str = "image/jpeg") -> Picture:
    return Picture("front/door.jpg", content, mime)


def encode(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def stored_as(upright: Image.Image, orientation: Orientation) -> bytes:
    """Return a JPEG whose pixels are turned and whose tag turns them back."""
    tags = Image.Exif()
    tags[0x0112] = int(orientation)
    undo = UNDO[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    return encode(stored, exif=tags, quality=95)


def edges(box):
    return (box.x, box.y, box.x + box.width, box.y + box.height)


@pytest.mark.parametrize(
    ("name", "labels"),
    [("astronaut", {"person"}), ("chelsea", {"cat"}), ("rocket", set())],
)
async def test_a_sample_shows_what_a_person_sees_in_it(build_detector, sample, name, labels):
    """At the default threshold a photograph gives its subject and nothing else."""
    result = await build_detector().detect(jpeg(sample(name)))
    assert {found.label for found in result.detections} == labels
    assert (result.width, result.height) == Image.open(io.BytesIO(sample(name))).size


async def test_a_cup_of_coffee_is_of_no_interest(build_detector, sample):
    """What is seen in it concerns no home's security."""
    result = await build_detector().detect(jpeg(sample("coffee")))
    assert {found.label for found in result.detections} <= {"cup", "dining table"}


async def test_boxes_agree_for_every_orientation(build_detector, sample):
    """However the pixels are stored, the person is where viewers see her."""
    upright = ImageOps.pad(Image.open(io.BytesIO(sample("astronaut"))), (800, 600))
    detector = build_detector()
    places = []
    for orientation in Orientation:
        result = await detector.detect(jpeg(stored_as(upright, orientation)))
        assert (result.width, result.height) == (800, 600)
        places.append(edges(result.detections[0].box))
    assert all(place == pytest.approx(places[0], abs=15) for place in places)


async def test_a_png_is_read_like_a_jpeg(build_detector, sample):
    """The kind of file makes no difference to what is seen."""
    content = encode(Image.open(io.BytesIO(sample("astronaut"))), "PNG")
    result = await build_detector().detect(jpeg(content, "image/png"))
    assert [found.label for found in result.detections] == ["person"]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
async def test_a_cut_photograph_is_refused(build_detector, sample, share):
    """Half a picture is never "nothing seen"."""
    content = sample("astronaut")
    with pytest.raises(RefusedError) as refused:
        await build_detector().detect(jpeg(content[: int(len(content) * share)]))
    assert refused.value.reason is RefusalReason.TRUNCATED


async def test_a_picture_too_large_for_its_workers_is_refused(build_detector, sample):
    """A small file of many pixels costs itself, and the detector works on."""
    detector = build_detector(memory_bytes=300 << 20)
    bomb = encode(Image.new("RGB", (7000, 7000)), "PNG")
    with pytest.raises(RefusedError) as refused:
        await detector.detect(jpeg(bomb))
    assert refused.value.reason is RefusalReason.OUT_OF_MEMORY
    assert (await detector.detect(jpeg(sample("astronaut")))).detections


async def test_a_picture_above_the_limit_is_refused(build_detector, sample):
    """The limit on pixels is the caller's."""
    with pytest.raises(RefusedError) as refused:
        await build_detector(max_pixels=512 * 512 - 1).detect(jpeg(sample("astronaut")))
    assert refused.value.reason is RefusalReason.TOO_MANY_PIXELS


@pytest.mark.parametrize("megabytes", [60, 150])
async def test_a_machine_too_small_for_the_network_costs_no_picture(
    build_detector, sample, megabytes
):
    """Where the network itself does not fit, the detector is at fault."""
    detector = build_detector(memory_bytes=megabytes << 20)
    with pytest.raises(DetectorUnavailableError, match="does not run on this machine"):
        await detector.detect(jpeg(sample("astronaut")))


async def test_a_pool_tells_how_many_pictures_it_takes(build_detector):
    """The detector can use as many at a time as there are workers."""
    assert build_detector(processes=3).concurrency == 3


def test_the_daemon_loads_no_network():
    """Neither numpy nor Pillow nor onnxruntime enters the daemon's own process."""
    code = "import sys, hsid.ai.embedded; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"numpy", "PIL", "onnxruntime"} & set(loaded)
