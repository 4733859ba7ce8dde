"""Deliver the files of a story into the camera folders, the way cameras do.

Knows nothing of the daemon that watches: what it takes from here is files, and nothing else.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import assert_never

import trio

from hsid.cli.demo.pictures import render
from hsid.cli.demo.story import Delivery, Scene
from hsid.model import Seconds

BETWEEN_SCENES: Seconds = 0.15
BETWEEN_PIECES: Seconds = 0.1
PIECES = 4


async def play(
    scenes: Sequence[Scene], root: Path, day: date, *, delivered: Callable[[Scene], None]
) -> None:
    """Deliver *scenes* below *root* as if taken on *day*; call *delivered* after each."""
    for scene in scenes:
        content = await trio.to_thread.run_sync(render, scene.content)
        await _deliver(content, root / scene.camera / file_name(scene, day), scene.delivery)
        delivered(scene)
        await trio.sleep(BETWEEN_SCENES)


def file_name(scene: Scene, day: date) -> str:
    """Return the name a camera gives to *scene*: the capture time is in it."""
    return f"MDAlarm_{datetime.combine(day, scene.at):%Y%m%d-%H%M%S}.jpg"


async def _deliver(content: bytes, path: Path, delivery: Delivery) -> None:
    match delivery:
        case Delivery.IN_PLACE:
            await trio.Path(path).write_bytes(content)
        case Delivery.RENAMED:
            unfinished = trio.Path(path.with_name(f".{path.name}.part"))
            await unfinished.write_bytes(content)
            await unfinished.rename(path)
        case Delivery.SLOWLY:
            await _deliver_slowly(content, path)
        case _:
            assert_never(delivery)


async def _deliver_slowly(content: bytes, path: Path) -> None:
    size = max(1, -(-len(content) // PIECES))
    async with await trio.open_file(path, "wb") as file:
        for start in range(0, len(content), size):
            await file.write(content[start : start + size])
            await file.flush()
            await trio.sleep(BETWEEN_PIECES)
