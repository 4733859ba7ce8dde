"""A scan finds every file that the ledger doesn't know."""

import os
from pathlib import Path

import pytest
import structlog
import trio

from hsid.intake.errors import RootUnavailableError
from hsid.intake.hints import FileSeen
from hsid.intake.scan import Scan, ScanReport
from hsid.paths import from_text


async def found_by(scan: Scan) -> list[FileSeen]:
    """Return all that *scan* finds."""
    return [hint async for chunk in scan for hint in chunk]


def known(hints: list[FileSeen]) -> set[tuple[str, int, int, int]]:
    """Return the versions of *hints* as the ledger keeps them."""
    versions = [hint.stamp.version(hint.path) for hint in hints]
    return {(seen.path, seen.inode, seen.size, seen.mtime_ns) for seen in versions}


async def test_all_candidates_are_found_with_their_stamps(root: Path, place) -> None:
    """At any depth; foreign and hidden files are counted, hidden folders passed over."""
    stamps = {
        path: place(root / path, b"x" * len(path))
        for path in ("a.jpg", "cam/b.PNG", "cam/2026/11/25/c.mp4")
    }
    for path in ("cam/.tmp.jpg", "cam/notes.txt", ".partial/d.jpg"):
        place(root / path, b"x")
    scan = Scan(root)

    assert {hint.path.decode(): hint.stamp for hint in await found_by(scan)} == stamps
    assert scan.report == ScanReport(folders=5, candidates=3, unknown=3, ignored=2)


async def test_known_versions_are_passed_over_and_new_ones_told(root: Path, place) -> None:
    """Only another version of a known path, or another path, is news."""
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        place(root / "cam" / name, b"old")
    ledger = known(await found_by(Scan(root)))
    place(root / "cam/b.jpg", b"newer")
    (root / "cam/c.jpg").rename(root / "cam/d.jpg")

    paths = {hint.path for hint in await found_by(Scan(root, ledger))}
    assert paths == {b"cam/b.jpg", b"cam/d.jpg"}


async def test_odd_names_are_known_again(root: Path, place_named) -> None:
    """The ledger holds text, the folder bytes: they match all the same (W11)."""
    names = [b"caf\xe9.jpg", b"a\nb.jpg", b"x" * 251 + b".jpg", b"a\\x0ab.jpg"]
    for name in names:
        place_named(root, name, b"x")
    hints = await found_by(Scan(root))

    assert sorted(from_text(path) for path, *_ in known(hints)) == sorted(names)
    assert await found_by(Scan(root, known(hints))) == []


async def test_links_are_told_but_not_followed(root: Path, tmp_path: Path, place) -> None:
    """A linked file becomes a refusal of its own; what is behind a linked folder stays there."""
    place(tmp_path / "out/b.jpg", b"x")
    (root / "a.jpg").symlink_to(tmp_path / "out/b.jpg")
    (root / "cam").symlink_to(tmp_path / "out")

    assert [hint.path for hint in await found_by(Scan(root))] == [b"a.jpg"]


async def test_a_linked_folder_is_told_in_each_scan(root: Path, tmp_path: Path, place) -> None:
    """Whoever laid the link learns why nothing behind it is seen; other links are no news."""
    place(tmp_path / "out/b.jpg", b"x")
    for name, target in (("yard/cam", tmp_path / "out"), (".hidden", tmp_path), ("loop", "loop")):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(target)
    (root / "notes.txt").symlink_to(tmp_path / "out/b.jpg")
    for _ in range(2):
        with structlog.testing.capture_logs() as lines:
            assert await found_by(Scan(root)) == []
        told = {"event": "folder_link_not_followed", "folder": "yard/cam", "log_level": "warning"}
        assert lines == [told]


async def test_a_linked_root_is_scanned(root: Path, tmp_path: Path, place) -> None:
    """Paths are relative to it as to any other root."""
    place(root / "cam/a.jpg", b"x")
    (tmp_path / "link").symlink_to(root)

    assert [hint.path for hint in await found_by(Scan(tmp_path / "link"))] == [b"cam/a.jpg"]


async def test_an_unreadable_folder_is_passed_over(root: Path, place, as_nobody) -> None:
    """The rest of the tree is scanned, and the report says that something is missing."""
    os.seteuid(0)
    for path in ("locked/a.jpg", "open/b.jpg"):
        place(root / path, b"x")
    (root / "locked").chmod(0)
    os.seteuid(65534)
    scan = Scan(root)

    assert [hint.path for hint in await found_by(scan)] == [b"open/b.jpg"]
    assert scan.report.unreadable == 1


async def test_a_missing_root_is_an_error(root: Path) -> None:
    """An empty result would read as "all files are gone"."""
    (root / "file").write_bytes(b"x")
    for missing in (root / "gone", root / "file"):
        with pytest.raises(RootUnavailableError):
            await found_by(Scan(missing))


async def test_many_files_come_in_portions(root: Path, place) -> None:
    """A consumer can stop in between and leaves nothing running."""
    for number in range(3000):
        place(root / f"cam{number % 3}/{number}.jpg", b"")
    scan = Scan(root)
    first = await anext(aiter(scan))

    assert len(first) == 1000
    assert len(await found_by(scan)) == 2000
    with pytest.raises(StopAsyncIteration):
        await anext(aiter(scan))


async def test_a_scan_can_be_cancelled_between_folders(root: Path, place) -> None:
    """A stop doesn't wait for the end of the tree."""
    for number in range(50):
        place(root / f"{number}/a.jpg", b"")
    scan = Scan(root)
    with trio.CancelScope() as scope:
        scope.cancel()
        await found_by(scan)

    assert scope.cancelled_caught
    assert scan.report.folders < 51
