"""A detector service that answers at once, as a process of its own.

`python -m benchmarks._instant_detector PORT ARRIVALS` appends to ARRIVALS the monotonic time at
which the headers of each request were there.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h11
import trio

PATIENCE_S = 30.0
"""How long it may take to start."""

REPLY = json.dumps(
    {
        "detections": [
            {
                "class": "person",
                "confidence": 0.93,
                "bbox": {"x": 9, "y": 8, "width": 120, "height": 300},
            },
            {
                "class": "car",
                "confidence": 0.88,
                "bbox": {"x": 400, "y": 220, "width": 260, "height": 140},
            },
        ],
        "inference_time_ms": 0.0,
        "image_width": 1920,
        "image_height": 1080,
    }
).encode()
DETECTIONS_EACH = 2
"""How many objects it sees in each picture."""

HEADERS = [("content-type", "application/json"), ("content-length", str(len(REPLY)))]


async def answer(stream: trio.SocketStream, arrivals: Path) -> None:
    """Answer every request of one connection until it closes."""
    connection = h11.Connection(h11.SERVER)
    with arrivals.open("a", buffering=1) as log:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some(1 << 18))
            elif isinstance(event, h11.Request):
                log.write(f"{time.monotonic():.6f}\n")
            elif isinstance(event, h11.EndOfMessage):
                parts: list[h11.Event] = [
                    h11.Response(status_code=200, headers=HEADERS),
                    h11.Data(data=REPLY),
                    h11.EndOfMessage(),
                ]
                await stream.send_all(b"".join(connection.send(part) or b"" for part in parts))
                connection.start_next_cycle()
            elif isinstance(event, h11.ConnectionClosed):
                return


async def serve(port: int, arrivals: Path) -> None:
    """Serve on loopback until the process is ended."""

    async def handler(stream: trio.SocketStream) -> None:
        async with stream:
            # A client that was killed in the middle of a request is nothing to end for.
            with suppress(h11.RemoteProtocolError, trio.BrokenResourceError):
                await answer(stream, arrivals)

    await trio.serve_tcp(handler, port, host="127.0.0.1")


@contextmanager
def instant_detector(base: Path) -> Iterator[tuple[str, Path]]:
    """Run the instant detector; give its address and the file in which it notes its requests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arrivals = base / "arrivals"
    arrivals.touch()
    command = [sys.executable, "-m", "benchmarks._instant_detector", str(port), str(arrivals)]
    process = subprocess.Popen(command)
    try:
        _wait_for_port(port)
        yield f"http://127.0.0.1:{port}", arrivals
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


if __name__ == "__main__":
    trio.run(serve, int(sys.argv[1]), Path(sys.argv[2]))
