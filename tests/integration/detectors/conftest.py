"""A detection service on a free port, the sample photographs, and pools of workers."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from importlib import resources

import h11
import pytest
import trio

from hsid.media.workers import WorkerLimits, WorkerPool

EMPTY = {"detections": [], "image_width": 640, "image_height": 480}


@dataclass
class Request:
    """One upload as a service received it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def part(self):
        """The first part of the multipart body."""
        kind = self.headers["content-type"]
        message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + self.body)
        return message.get_payload()[0]


@dataclass
class Service:
    """An HTTP/1.1 server that answers every upload by *answer* and remembers it."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request, trio.SocketStream], Awaitable[None]] | None = None

    def say(self, status: int = 200, body: bytes = json.dumps(EMPTY).encode()) -> None:
        """Answer with *status* and *body*."""
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.say_raw(head + body)

    def say_raw(self, wire: bytes, *, keep_open: bool = True) -> None:
        """Answer with *wire* as it is."""

        async def answer(_: Request, stream: trio.SocketStream) -> None:
            await stream.send_all(wire)
            if not keep_open:
                await stream.aclose()

        self.answer = answer

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one connection."""
        async with stream:
            while request := await _receive(stream):
                self.requests.append(request)
                try:
                    await self.answer(request, stream)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return  # the client had enough


async def _receive(stream: trio.SocketStream) -> Request | None:
    connection, body, head = h11.Connection(h11.SERVER), bytearray(), None
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                try:
                    connection.receive_data(await stream.receive_some())
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return None
            case h11.Request() as head:
                pass
            case h11.Data(data=data):
                body += data
            case h11.EndOfMessage():
                headers = {key.decode(): value.decode() for key, value in head.headers}
                return Request(head.target.decode(), headers, bytes(body))
            case _:
                return None


@pytest.fixture
async def service(nursery) -> Service:
    """A running service that sees nothing until it is told otherwise."""
    service = Service()
    service.say()
    listeners = await nursery.start(trio.serve_tcp, service.serve, 0)
    port = listeners[0].socket.getsockname()[1]
    service.url = f"http://localhost:{port}"
    return service


@pytest.fixture
def sample():
    """Return a function that reads a sample photograph by its name."""
    folder = resources.files("hsid.cli.demo").joinpath("pictures")
    return lambda name: folder.joinpath(f"{name}.jpg").read_bytes()


@pytest.fixture
async def open_pool():
    """Return a function that makes a pool of workers; all are closed in the end."""
    pools = []

    def build(processes: int = 1, **limits) -> WorkerPool:
        pools.append(WorkerPool(WorkerLimits(processes, **limits)))
        return pools[-1]

    yield build
    for pool in pools:
        await pool.aclose()
