"""A detector service that answers at once, as a process of its own.

`python -m benchmarks._instant_detector PORT ARRIVALS` appends to ARRIVALS the monotonic time at
which the headers of each request were there.
"""

import json
import sys
import time
from pathlib import Path

import h11
import trio

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
            await answer(stream, arrivals)

    await trio.serve_tcp(handler, port, host="127.0.0.1")


if __name__ == "__main__":
    trio.run(serve, int(sys.argv[1]), Path(sys.argv[2]))
