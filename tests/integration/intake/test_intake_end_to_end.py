"""Files become arrivals once each, however they are put into the folder."""

import os
import shutil
from pathlib import Path

import trio

from hsid.model import RefusalReason


async def receive(arrivals, count: int) -> dict[str, RefusalReason | None]:
    """Return path and refusal of the next *count* arrivals."""
    received = [await arrivals.receive() for _ in range(count)]
    outcome = {arrival.version.path: arrival.refusal for arrival in received}
    assert len(outcome) == count, "an arrival came twice"
    return outcome


async def test_each_way_of_uploading_is_one_arrival(root: Path, run_intake, place, jpeg) -> None:
    """Written, renamed, linked into place, moved in with its folder, found at the start."""
    place(root / "cam/before.jpg", jpeg)
    async with run_intake(root) as arrivals:
        place(root / "cam/written.jpg", jpeg)
        place(root / "cam/.r.jpg.a1b2c3", jpeg)
        (root / "cam/.r.jpg.a1b2c3").rename(root / "cam/renamed.jpg")
        place(root / "cam/half.part", jpeg)
        (root / "cam/linked.jpg").hardlink_to(root / "cam/half.part")
        place(root / ".out/deep/moved.jpg", jpeg)
        (root / ".out").rename(root / "in")
        outcome = await receive(arrivals, 5)

    names = ("before", "written", "renamed", "linked")
    assert outcome == {f"cam/{name}.jpg": None for name in names} | {"in/deep/moved.jpg": None}


async def test_a_slow_writer_is_one_whole_picture(root: Path, run_intake, jpeg: bytes) -> None:
    """Pauses longer than the settle time don't make a half picture an arrival (W4)."""
    async with run_intake(root) as arrivals:
        with (root / "a.jpg").open("wb") as file:
            for at in range(0, len(jpeg), len(jpeg) // 3 + 1):
                file.write(jpeg[at : at + len(jpeg) // 3 + 1])
                file.flush()
                await trio.sleep(0.3)
            # Whole by now, and quiet, although its writer never closes it.
            (arrival,) = [await arrivals.receive()]
        os.utime(root / "a.jpg", ns=(0, arrival.version.mtime_ns))
        (root / "b.jpg").write_bytes(jpeg)
        outcome = await receive(arrivals, 1)

    assert (arrival.refusal, arrival.version.size) == (None, len(jpeg))
    assert outcome == {"b.jpg": None}


async def test_a_burst_into_deep_folders_is_complete(root: Path, run_intake, place, jpeg) -> None:
    """Every file arrives, none twice, whether its hint or its folder's listing told of it (W2)."""
    paths = {f"cam/2026/11/{day:02}/{n}.jpg" for day in range(20) for n in range(10)}
    async with run_intake(root) as arrivals:
        for path in paths:
            place(root / path, jpeg)
        outcome = await receive(arrivals, len(paths))

    assert outcome == dict.fromkeys(paths)


async def test_bad_files_are_arrivals_with_a_reason(root: Path, run_intake, place, jpeg) -> None:
    """Nothing that is called like a picture ends silently."""
    (root / "cam").mkdir()
    async with run_intake(root) as arrivals:
        place(root / "cam/empty.jpg", b"")
        place(root / "cam/text.jpg", b"not a picture")
        place(root / "cam/cut.jpg", jpeg[:-2])
        os.mkfifo(root / "cam/fifo.jpg")
        (root / "cam/link.jpg").symlink_to("/etc/passwd")
        outcome = await receive(arrivals, 5)

    assert outcome == {
        "cam/empty.jpg": RefusalReason.EMPTY_FILE,
        "cam/text.jpg": RefusalReason.NOT_A_PICTURE,
        "cam/cut.jpg": RefusalReason.TRUNCATED,
        "cam/fifo.jpg": RefusalReason.NOT_A_REGULAR_FILE,
        "cam/link.jpg": RefusalReason.OUTSIDE_ROOT,
    }


async def test_a_camera_folder_that_comes_and_goes_is_no_trouble(
    root: Path, run_intake, place, jpeg: bytes
) -> None:
    """Deleted while watched and made again, its new files arrive."""
    async with run_intake(root) as arrivals:
        for round_ in range(3):
            place(root / f"cam/day/{round_}.jpg", jpeg)
            assert await receive(arrivals, 1) == {f"cam/day/{round_}.jpg": None}
            shutil.rmtree(root / "cam")
