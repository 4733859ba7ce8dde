"""The embedded detector: a small network on this machine's own processors, without any service.

Guarantees that the daemon itself never decodes a picture nor loads the network: both happen in
worker processes. A picture that crashes, outlasts or overfills them is refused; but first the
network has to prove on a blank picture that it runs here at all, so that a machine that can't run
it never costs a picture.
"""

import trio

from hsid.ai.detector import DetectorError, DetectorUnavailableError, Picture
from hsid.media.workers import WorkerCallError, WorkerPool, WorkerStartError
from hsid.model import Box, Detection, DetectionResult
from hsid.refusal import RefusedError

_DECODED_SIDE = 832
"""Twice what the network looks at: large JPEGs are not decoded any finer."""

_Findings = tuple[list[tuple[str, float, int, int, int, int]], int, int]


class EmbeddedDetector:
    """NanoDet in the workers of *pool*, which it closes with itself.

    *score_floor* is the confidence below which nothing is reported, *max_pixels* the size above
    which a picture is refused.
    """

    name = "embedded"

    def __init__(self, pool: WorkerPool, *, score_floor: float, max_pixels: int) -> None:
        self._pool = pool
        self.score_floor = score_floor
        """May be changed at any time; counts from the next picture on."""
        self._max_pixels = max_pixels
        self._proving = trio.Lock()
        self._is_proved = False

    @property
    def concurrency(self) -> int:
        """As many pictures at a time as there are workers."""
        return self._pool.processes

    async def detect(self, picture: Picture) -> DetectionResult:
        """Return what the network sees, labels as in COCO. See `Detector.detect`."""
        await self._prove()
        try:
            findings, width, height = await self._pool.run(
                _detect, picture.content, self.score_floor, self._max_pixels
            )
        except WorkerStartError as error:
            raise DetectorUnavailableError(str(error)) from error
        except WorkerCallError as error:
            raise DetectorError(f"the embedded detector failed: {error}") from error
        return DetectionResult(tuple(map(_to_detection, findings)), width, height)

    async def aclose(self) -> None:
        """End the worker processes."""
        await self._pool.aclose()

    async def _prove(self) -> None:
        """Run the network once; whatever goes wrong then is no picture's fault."""
        async with self._proving:
            if self._is_proved:
                return
            try:
                await self._pool.run(_try_network)
            except (RefusedError, WorkerStartError, WorkerCallError) as error:
                raise DetectorUnavailableError(
                    f"the embedded detector does not run on this machine: {error}"
                ) from error
            self._is_proved = True


def _to_detection(finding: tuple[str, float, int, int, int, int]) -> Detection:
    label, confidence, *box = finding
    return Detection(label, confidence, Box(*box))


def _detect(content: bytes, score_floor: float, max_pixels: int) -> _Findings:
    """Decode and look at a picture. Runs in a worker."""
    from hsid.ai import nanodet  # noqa: PLC0415 -- the daemon imports this module, a worker that
    from hsid.media import decoding  # noqa: PLC0415 -- the same

    decoded = decoding.decode(content, max_pixels, wanted=_DECODED_SIDE)
    size = (decoded.width, decoded.height)
    return nanodet.detect(decoded.image, size, score_floor), *size


def _try_network() -> None:
    """Look at a blank picture. Runs in a worker."""
    from PIL import Image  # noqa: PLC0415 -- for workers only

    from hsid.ai import nanodet  # noqa: PLC0415 -- the same

    side = nanodet.INPUT_SIZE
    nanodet.detect(Image.new("RGB", (side, side)), (side, side), 1.0)
