"""The RT-DETR client against a real server: every answer it may get, and none."""

import gzip
import io
import json
import socket

import pytest
import trio
from PIL import Image, ImageDraw, ImageOps

from hsid.ai.detector import (
    DetectorError,
    DetectorReplyError,
    DetectorTimeoutError,
    DetectorUnavailableError,
    Picture,
)
from hsid.ai.rtdetr import MAX_REPLY_BYTES, RtdetrDetector
from hsid.model import Box, RefusalReason
from hsid.refusal import RefusedError

PICTURE = Picture('../../etc/"pass\r\nwd.php', b"\xff\xd8 not looked at", "image/jpeg")


@pytest.fixture
async def detector(service):
    detector = RtdetrDetector(service.url, connect_timeout=5, read_timeout=5, api_key="s3cret")
    yield detector
    await detector.aclose()


async def failure(detector) -> Exception:
    with pytest.raises((DetectorError, RefusedError)) as failed:
        await detector.detect(PICTURE)
    return failed.value


async def test_a_picture_is_sent_by_the_contract(service, detector):
    """One part named file, the right type, the key, and nothing of the camera's file name."""
    await detector.detect(PICTURE)
    (request,) = service.requests
    assert request.path == "/detect"
    assert request.headers["x-api-key"] == "s3cret"
    assert request.part.get_param("name", header="content-disposition") == "file"
    assert request.part.get_filename() == "picture.jpg"
    assert request.part.get_content_type() == "image/jpeg"
    assert request.part.get_payload(decode=True) == PICTURE.content


async def test_a_png_goes_under_its_own_name(service, detector):
    """The service tells formats by extension as well."""
    await detector.detect(Picture("a.jpg", b"\x89PNG", "image/png"))
    part = service.requests[0].part
    assert (part.get_filename(), part.get_content_type()) == ("picture.png", "image/png")


async def test_without_a_key_none_is_sent(service):
    """The header is absent, not empty."""
    detector = RtdetrDetector(f"{service.url}/", connect_timeout=5, read_timeout=5)
    await detector.detect(PICTURE)
    await detector.aclose()
    assert "x-api-key" not in service.requests[0].headers
    assert service.requests[0].path == "/detect"


async def test_an_empty_answer_is_a_result(service, detector):
    """A service that sees nothing says so properly."""
    result = await detector.detect(PICTURE)
    assert (result.detections, result.width, result.height) == ((), 640, 480)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_a_picture_the_service_rejects_is_refused(service, detector, status):
    """The reason is kept, with what the service said."""
    service.say(status, b'{"detail": "bad\nimage"}')
    refused = await failure(detector)
    assert isinstance(refused, RefusedError)
    assert refused.reason is RefusalReason.REFUSED_BY_DETECTOR
    assert refused.detail == f'HTTP {status}: {{"detail": "bad image"}}'


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_service_in_trouble_is_unavailable(service, detector, status):
    """It is asked again later; the picture is not at fault."""
    service.say(status)
    assert type(await failure(detector)) is DetectorUnavailableError


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "API key"), (403, "API key"), (404, "rtdetr_url"), (302, "rtdetr_url")],
)
async def test_a_wrong_setting_is_told_with_advice(service, detector, status, advice):
    """A key or an address that is wrong never costs a picture."""
    service.say(status)
    failed = await failure(detector)
    assert type(failed) is DetectorError
    assert advice in str(failed)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"detections": null}'])
async def test_an_answer_outside_the_contract_is_no_result(service, detector, body):
    """A 200 alone means nothing."""
    service.say(200, body)
    assert isinstance(await failure(detector), DetectorReplyError)


async def test_a_success_without_content_is_no_result(service, detector):
    """Other kinds of success are outside the contract."""
    service.say_raw(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert isinstance(await failure(detector), DetectorReplyError)


async def test_an_endless_answer_is_cut_off(service, detector):
    """What comes back is bounded, whatever the service claims."""
    size = 50 * MAX_REPLY_BYTES
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
    service.say_raw(head + b" " * (2 * MAX_REPLY_BYTES))
    assert isinstance(await failure(detector), DetectorReplyError)


async def test_a_compressed_answer_is_no_result(service, detector):
    """None was asked for, so none is unpacked."""
    body = gzip.compress(b'{"detections": [], "image_width": 1, "image_height": 1}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    service.say_raw(head.encode() + body)
    assert isinstance(await failure(detector), DetectorReplyError)
    assert service.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b'{"detections": [',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n{",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
async def test_a_connection_that_ends_too_early_is_an_outage(service, detector, wire):
    """Before the answer, within it, or by something that is no HTTP server."""
    service.say_raw(wire, keep_open=False)
    assert type(await failure(detector)) is DetectorUnavailableError


async def test_a_refused_connection_is_an_outage():
    """Nobody listens: the service is down."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        detector = RtdetrDetector(url, connect_timeout=5, read_timeout=5)
        assert type(await failure(detector)) is DetectorUnavailableError
        await detector.aclose()


async def test_a_silent_service_is_slow_not_down(service):
    """It took the picture and says nothing within the read timeout."""
    service.say_raw(b"")
    detector = RtdetrDetector(service.url, connect_timeout=5, read_timeout=0.2)
    assert type(await failure(detector)) is DetectorTimeoutError
    await detector.aclose()


async def test_no_message_holds_the_password_of_the_url(service):
    """What is said of a service that is down or slow ends in the log and the ledger."""
    service.say_raw(b"")
    for url in (service.url, "http://localhost:1"):
        secret = url.replace("://", "://camera:hunter2@")
        detector = RtdetrDetector(secret, connect_timeout=5, read_timeout=0.2)
        failed = await failure(detector)
        assert "hunter2" not in str(failed)
        assert "localhost" in str(failed)
        await detector.aclose()


async def test_a_dripping_service_is_stopped_by_the_deadline(service):
    """Bytes that come in time for the read timeout don't extend the whole call for ever."""

    async def drip(_, stream):
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            await stream.send_all(b" ")
            await trio.sleep(0.05)

    service.answer = drip
    detector = RtdetrDetector(service.url, connect_timeout=0.3, read_timeout=0.3)
    assert type(await failure(detector)) is DetectorTimeoutError
    await detector.aclose()


async def test_cancellation_ends_the_request(service, detector):
    """The service sees the connection close."""
    closed = trio.Event()

    async def wait_for_end(_, stream):
        if await stream.receive_some() == b"":
            closed.set()

    service.answer = wait_for_end
    async with trio.open_nursery() as nursery:
        nursery.start_soon(detector.detect, PICTURE)
        while not service.requests:
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    with trio.fail_after(5):
        await closed.wait()


async def test_a_failure_is_not_asked_again(service, detector):
    """Trying again is the queue's business."""
    service.say(503)
    await failure(detector)
    assert len(service.requests) == 1


async def test_requests_run_side_by_side(service, detector):
    """As many as the concurrency says are under way at a time."""
    together = trio.Event()

    async def answer_all_at_once(request, stream):
        if len(service.requests) == detector.concurrency:
            together.set()
        await together.wait()
        service.say()
        await service.answer(request, stream)

    service.answer = answer_all_at_once
    async with trio.open_nursery() as nursery:
        for _ in range(detector.concurrency):
            nursery.start_soon(detector.detect, PICTURE)
    assert len(service.requests) == 4


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("honours", [True, False])
async def test_boxes_agree_whether_or_not_a_service_turns_pictures(
    service, detector, value, honours
):
    """For each orientation the box lies where viewers see it, with either kind of service."""
    tags = Image.Exif()
    tags[0x0112] = value
    stored = Image.new("RGB", (320, 240))
    ImageDraw.Draw(stored).rectangle((32, 48, 127, 95), fill="white")
    file = io.BytesIO()
    stored.save(file, "JPEG", exif=tags, quality=95)

    async def measure(request, stream):
        seen = Image.open(io.BytesIO(request.part.get_payload(decode=True)))
        box = white(ImageOps.exif_transpose(seen) if honours else seen)
        found = {"class": "person", "confidence": 1, "bbox": [box.x, box.y, box.width, box.height]}
        sizes = {"image_width": seen.width, "image_height": seen.height}
        service.say(200, json.dumps({"detections": [found]} | sizes).encode())
        await service.answer(request, stream)

    service.answer = measure
    result = await detector.detect(Picture("a.jpg", file.getvalue(), "image/jpeg"))
    upright = ImageOps.exif_transpose(Image.open(file))
    assert result.detections[0].box == white(upright)
    assert (result.width, result.height) == upright.size


def white(image: Image.Image) -> Box:
    left, top, right, bottom = image.convert("L").point(lambda v: 255 * (v > 128)).getbbox()
    return Box(left, top, right - left, bottom - top)
