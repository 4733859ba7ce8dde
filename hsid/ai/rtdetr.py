"""The client of an RT-DETRv2 detection service.

Guarantees that every answer ends as a `DetectionResult` inside the contract or as an exception that
says whose fault it was; a failure never reads as an empty result. It asks once: trying again is the
queue's business.

Boxes come back for the picture as viewers see it. Services differ in whether they honour the EXIF
orientation, and their answer does not tell; so a turned picture is sent marked as upright, every
service measures in stored pixels, and the boxes are turned here. The price is that the service
looks at a turned picture as it was stored.
"""

from typing import Annotated, Any

import httpx
import trio
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from hsid.ai.detector import (
    DetectorError,
    DetectorReplyError,
    DetectorTimeoutError,
    DetectorUnavailableError,
    Picture,
)
from hsid.ai.geometry import whole_box
from hsid.media.orientation import Orientation, without_orientation
from hsid.mime_types import MIME_TO_EXTENSION
from hsid.model import Detection, DetectionResult, RefusalReason, Seconds
from hsid.observe.logging_redaction import redact
from hsid.refusal import RefusedError

MAX_REPLY_BYTES = 1 << 20
MAX_DETECTIONS = 1000

_KEEPALIVE: Seconds = 2.0
"""Below the 5 s after which common servers drop an idle connection, lest both do so at once."""

_REFUSING_STATUSES = frozenset({400, 413, 415, 422})
_ADVICE = {
    401: "it asks for another API key",
    403: "it asks for another API key",
    404: "is rtdetr_url that of an RT-DETR service?",
}


class RtdetrDetector:
    """Asks the service at *url*.

    *connect_timeout* and *read_timeout* bound the single steps, their sum the whole call.
    """

    name = "rtdetr"

    def __init__(
        self,
        url: str,
        *,
        connect_timeout: Seconds,
        read_timeout: Seconds,
        api_key: str | None = None,
        concurrency: int = 4,
    ) -> None:
        self._url = f"{url.rstrip('/')}/detect"
        self._shown = redact(self._url)  # messages reach the log and the ledger
        self._deadline = connect_timeout + read_timeout
        self._concurrency = concurrency
        self._client = httpx.AsyncClient(
            # Compressed answers could outgrow their limit, so none are asked for.
            headers={"Accept-Encoding": "identity"} | ({"X-API-Key": api_key} if api_key else {}),
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=None),
            limits=httpx.Limits(max_connections=concurrency, keepalive_expiry=_KEEPALIVE),
            trust_env=False,  # a proxy in the environment is for the way out, not to this service
        )

    @property
    def concurrency(self) -> int:
        """How many requests are worth having under way."""
        return self._concurrency

    async def detect(self, picture: Picture) -> DetectionResult:
        """Return what the service sees. See `Detector.detect`."""
        orientation = Orientation.of(picture.content)
        status, body = await self._post(
            {
                "file": (
                    f"picture{MIME_TO_EXTENSION.get(picture.mime_type, '')}",
                    without_orientation(picture.content),
                    picture.mime_type,
                )
            }
        )
        if status != httpx.codes.OK:
            raise _failure(status, body)
        return read_reply(body, orientation)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, files: dict[str, tuple[str, bytes, str]]) -> tuple[int, bytes]:
        try:
            with trio.fail_after(self._deadline):
                async with self._client.stream("POST", self._url, files=files) as response:
                    return response.status_code, await _read_bounded(response)
        except httpx.ConnectTimeout as error:
            raise DetectorUnavailableError(f"{self._shown}: no connection in time") from error
        except (httpx.TimeoutException, trio.TooSlowError) as error:
            raise DetectorTimeoutError(f"{self._shown}: no answer in time") from error
        except httpx.TransportError as error:
            detail = str(error) or type(error).__name__
            raise DetectorUnavailableError(f"{self._shown}: {detail}") from error


async def _read_bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    with trio.CancelScope() as enough:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_REPLY_BYTES:
                # Leaving the loop would strand the generators inside of httpx; this unwinds them.
                enough.cancel()
    if len(body) > MAX_REPLY_BYTES:
        raise DetectorReplyError(f"the answer exceeds {MAX_REPLY_BYTES} bytes")
    return bytes(body)


def _failure(status: int, body: bytes) -> DetectorError | RefusedError:
    """Return what an answer other than 200 means."""
    text = f"HTTP {status}: {_printable(body)}"
    if status in _REFUSING_STATUSES:
        return RefusedError(RefusalReason.REFUSED_BY_DETECTOR, text)
    if status == httpx.codes.TOO_MANY_REQUESTS or httpx.codes.is_server_error(status):
        return DetectorUnavailableError(text)
    if httpx.codes.is_success(status):
        return DetectorReplyError(text)
    return DetectorError(f"{text} ({_ADVICE.get(status, 'check rtdetr_url')})")


def _printable(body: bytes) -> str:
    text = " ".join(body[:200].decode("utf-8", "replace").split())
    return "".join(char for char in text if char.isprintable()) or "no text"


class _Strict(BaseModel, strict=True, allow_inf_nan=False):
    """No text for numbers, no numbers for text, no NaN."""


class _Box(_Strict):
    x: float
    y: float
    width: Annotated[float, Field(ge=0)]
    height: Annotated[float, Field(ge=0)]


def _as_object(box: Any) -> Any:
    """Accept a box as [x, y, width, height] as well."""
    is_list = isinstance(box, list) and len(box) == len(_Box.model_fields)
    return dict(zip(_Box.model_fields, box, strict=True)) if is_list else box


class _Detection(_Strict):
    label: Annotated[str, Field(alias="class", min_length=1, max_length=100)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    bbox: Annotated[_Box, BeforeValidator(_as_object)]


class _Reply(_Strict):
    detections: Annotated[list[_Detection], Field(max_length=MAX_DETECTIONS)]
    image_width: Annotated[int, Field(ge=1, le=1 << 20)]
    image_height: Annotated[int, Field(ge=1, le=1 << 20)]


def read_reply(body: bytes, orientation: Orientation = Orientation.UPRIGHT) -> DetectionResult:
    """Return what the service's answer *body* says, boxes turned as a viewer sees the picture.

    Boxes are cut to the picture.

    Raises:
        DetectorReplyError: The answer is outside the contract; unknown keys are not.
    """
    try:
        reply = _Reply.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "answer"
        raise DetectorReplyError(f"{where}: {first['msg']}") from error
    size = (reply.image_width, reply.image_height)
    detections = tuple(_to_detection(found, size, orientation) for found in reply.detections)
    return DetectionResult(detections, *orientation.upright_size(*size))


def _to_detection(found: _Detection, size: tuple[int, int], orientation: Orientation) -> Detection:
    box = found.bbox
    whole = whole_box((box.x, box.y, box.x + box.width, box.y + box.height), size)
    if whole is None:
        raise DetectorReplyError(f"the box of a {found.label!r} lies outside the picture")
    return Detection(found.label, found.confidence, orientation.upright_box(whole, *size))
