"""inotify tells of every finished file, on real folders."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from hsid.intake.errors import RootUnavailableError
from hsid.intake.hints import FileClosed, FileMovedIn, FileSeen, Hint, Rescan
from hsid.intake.source import Source, open_source

QUEUED_EVENTS = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


async def hints_until(source: Source, *wanted: Hint) -> list[Hint]:
    """Return all hints up to the one that completes *wanted*."""
    hints: list[Hint] = []
    with trio.fail_after(10):
        while not set(wanted) <= set(hints):
            hints += await source.next_hints()
    return hints


async def paths_until(source: Source, wanted: set[bytes]) -> set[bytes]:
    """Return all paths hinted at up to the last of *wanted*."""
    paths: set[bytes] = set()
    with trio.fail_after(10):
        while not wanted <= paths:
            paths |= {hint.path for hint in await source.next_hints()}
    return paths


async def test_a_written_file_is_told_when_it_is_closed(root: Path, place) -> None:
    """First that it exists, then that its writer has closed it."""
    async with open_source(root) as source:
        place(root / "a.jpg", b"x")
        hints = await hints_until(source, FileClosed(b"a.jpg"))

    assert hints == [FileSeen(b"a.jpg"), FileClosed(b"a.jpg")]


async def test_a_file_renamed_into_place_is_told(root: Path, place) -> None:
    """Under its final name, from within the folder and from outside (W9)."""
    async with open_source(root) as source:
        place(root / ".a.jpg.X1y2Z3", b"x").version(b"")
        (root / ".a.jpg.X1y2Z3").rename(root / "a.jpg")
        hints = await hints_until(source, FileMovedIn(b"a.jpg"))

    assert FileClosed(b"a.jpg") not in hints


async def test_names_are_told_byte_for_byte(root: Path, place_named) -> None:
    """Whatever the name holds (W11)."""
    names = {b"caf\xe9.jpg", b"a\nb.jpg", b"x" * 251 + b".jpg"}
    async with open_source(root) as source:
        for name in names:
            place_named(root, name, b"x")

        assert await paths_until(source, names) == names


async def test_deep_folders_filled_at_once_lose_nothing(root: Path, place) -> None:
    """Each new folder is listed after its watch has been added (W2)."""
    wanted = {
        b"cam%d/2026/11/%d/07/%d.jpg" % (c, d, n)
        for c in (1, 2)
        for d in range(10)
        for n in range(5)
    }
    async with open_source(root) as source:
        for path in sorted(wanted):
            place(root / path.decode(), b"x")

        assert await paths_until(source, wanted) == wanted


async def test_a_filled_folder_moved_in_is_told(root: Path, tmp_path: Path, place) -> None:
    """Its files exist; that they are finished is not known, so they come with their stamps."""
    stamp = place(tmp_path / "new/deep/a.jpg", b"x")
    async with open_source(root) as source:
        shutil.move(tmp_path / "new", root / "new")
        await hints_until(source, FileSeen(b"new/deep/a.jpg", stamp))
        place(root / "new/deep/b.jpg", b"x")
        hints = await hints_until(source, FileClosed(b"new/deep/b.jpg"))

    assert {hint.path for hint in hints} == {b"new/deep/b.jpg"}


async def test_a_renamed_folder_is_told_under_its_new_name(root: Path, place) -> None:
    """Hints never name a path that is no longer there."""
    (root / "old/deep").mkdir(parents=True)
    async with open_source(root) as source:
        (root / "old").rename(root / "new")
        place(root / "new/deep/a.jpg", b"x")
        paths = await paths_until(source, {b"new/deep/a.jpg"})

        assert paths == {b"new/deep/a.jpg"}
        assert source.watched == {b"", b"new", b"new/deep"}


async def test_a_folder_moved_out_is_no_longer_watched(root: Path, tmp_path: Path, place) -> None:
    """What happens outside is none of hsid's business."""
    (root / "cam/deep").mkdir(parents=True)
    async with open_source(root) as source:
        (root / "cam").rename(tmp_path / "cam")
        place(tmp_path / "cam/deep/a.jpg", b"x")
        place(root / "b.jpg", b"x")
        await hints_until(source, FileClosed(b"b.jpg"))

        assert source.watched == {b""}


async def test_a_folder_deleted_while_watched_is_dropped_quietly(root: Path, place) -> None:
    """Its watch ends and the rest goes on; made again, it is watched again."""
    (root / "cam/deep").mkdir(parents=True)
    async with open_source(root) as source:
        shutil.rmtree(root / "cam")
        place(root / "a.jpg", b"x")
        await hints_until(source, FileClosed(b"a.jpg"))
        assert source.watched == {b""}

        place(root / "cam/b.jpg", b"x")
        await paths_until(source, {b"cam/b.jpg"})
        assert source.watched == {b"", b"cam"}


async def test_linked_folders_are_not_followed(root: Path, tmp_path: Path, place) -> None:
    """Neither those found at the start nor those made later."""
    (root / "before").symlink_to(tmp_path)
    async with open_source(root) as source:
        (root / "after").symlink_to(tmp_path)
        place(tmp_path / "a.jpg", b"x")
        place(root / "b.jpg", b"x")
        hints = await hints_until(source, FileClosed(b"b.jpg"))

        assert source.watched == {b""}
        assert {hint.path for hint in hints} == {b"after", b"b.jpg"}


async def test_hidden_folders_are_not_watched(root: Path, place) -> None:
    """Servers keep their partial uploads there under final names."""
    (root / ".before").mkdir()
    async with open_source(root) as source:
        place(root / ".partial/a.jpg", b"x")
        place(root / "b.jpg", b"x")

        assert await paths_until(source, {b"b.jpg"}) == {b"b.jpg"}
        assert source.watched == {b""}


async def test_a_linked_root_is_watched(root: Path, tmp_path: Path, place) -> None:
    """Hints are relative to it as to any other root."""
    (root / "cam").mkdir()
    (tmp_path / "link").symlink_to(root)
    async with open_source(tmp_path / "link") as source:
        place(root / "cam/a.jpg", b"x")

        assert await paths_until(source, {b"cam/a.jpg"}) == {b"cam/a.jpg"}


async def test_a_missing_root_is_an_error(root: Path) -> None:
    """There is nothing to watch."""
    with pytest.raises(RootUnavailableError):
        async with open_source(root / "gone"):
            pass


@pytest.mark.parametrize("lose", [Path.rmdir, lambda root: root.rename(root.with_suffix(".old"))])
async def test_a_lost_root_is_an_error(tmp_path: Path, lose) -> None:
    """Waiting on would mean to be deaf for good."""
    (tmp_path / "root").mkdir()
    async with open_source(tmp_path / "root") as source:
        lose(tmp_path / "root")
        with pytest.raises(RootUnavailableError), trio.fail_after(10):
            await source.next_hints()


@pytest.mark.skipif(QUEUED_EVENTS > 20_000, reason="this machine's queue takes too long to fill")
async def test_an_overflow_is_told_and_the_tree_watched_afresh(root: Path, place) -> None:
    """More events than the kernel keeps: a folder made meanwhile is watched all the same (W1)."""
    async with open_source(root) as source:
        for number in range(QUEUED_EVENTS // 2 + 10):
            # Two files in turn, as the kernel merges equal events that follow each other.
            os.close(os.open(root / f"{number % 2}.jpg", os.O_WRONLY | os.O_CREAT))
            os.close(os.open(root / "x.jpg", os.O_WRONLY | os.O_CREAT))
        (root / "late").mkdir()
        hints: list[Hint] = []
        with trio.fail_after(10):
            while not any(isinstance(hint, Rescan) for hint in hints):
                hints += await source.next_hints()

        assert source.watched == {b"", b"late"}


async def test_cancelled_waiting_loses_no_hint(root: Path, place) -> None:
    """A loop may give up waiting at any deadline and ask again."""
    wanted = {b"cam%d/%d.jpg" % (number % 7, number) for number in range(200)}
    seen: set[bytes] = set()
    cancelled = 0
    async with open_source(root) as source:
        for path in sorted(wanted):
            place(root / path.decode(), b"x")
        with trio.fail_after(10):
            while not wanted <= seen:
                # Longer and longer up to a point, so that a busy machine gets through as well.
                with trio.move_on_after(0.0002 * 1.5 ** (cancelled % 16)) as scope:
                    seen |= {hint.path for hint in await source.next_hints()}
                cancelled += scope.cancelled_caught

    assert cancelled


async def test_renewing_meanwhile_loses_no_hint(root: Path, place) -> None:
    """A periodic scan renews the watches while another task follows the hints."""
    wanted = {b"cam%d/%d/%d.jpg" % (n % 7, n, n) for n in range(300)}

    async def renew_again_and_again(source: Source) -> None:
        while True:
            await source.renew()

    async def write_all() -> None:
        for path in sorted(wanted):
            place(root / path.decode(), b"x")
            await trio.lowlevel.checkpoint()

    async with open_source(root) as source, trio.open_nursery() as nursery:
        nursery.start_soon(renew_again_and_again, source)
        nursery.start_soon(write_all)

        assert await paths_until(source, wanted) == wanted
        nursery.cancel_scope.cancel()


async def test_a_link_put_in_the_place_of_a_folder_is_not_watched(root: Path, tmp_path) -> None:
    """Not even if that happens between the listing of its parent and the watch."""
    (root / "cam").symlink_to(tmp_path)
    async with open_source(root) as source:
        assert source._watch(b"cam") is None


LIMITED = """
import sys, trio
from pathlib import Path
from hsid.intake.source import open_source
async def main():
    async with open_source(Path(sys.argv[1])) as source:
        print(source.degradation.sysctl)
        (Path("/proc/sys/user") / sys.argv[2]).write_text("1000")
        await source.renew()
        print(source.degradation)
trio.run(main)
"""


@pytest.mark.parametrize(
    ("limit", "allowed", "sysctl", "recovers"),
    [
        ("max_inotify_watches", 2, "fs.inotify.max_user_watches", True),
        ("max_inotify_instances", 0, "fs.inotify.max_user_instances", False),
    ],
)
def test_a_used_up_limit_is_named(root: Path, limit, allowed, sysctl, recovers) -> None:
    """The source goes on degraded and says which sysctl to raise; renewed, it recovers (W8)."""
    for number in range(5):
        (root / f"cam{number}").mkdir()
    script = f'echo {allowed} > /proc/sys/user/{limit} || exit 77; exec "$@"'
    unshare = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]
    program = [sys.executable, "-c", LIMITED, str(root), limit]
    done = subprocess.run(unshare + program, capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("user namespaces are not allowed here")

    lines = done.stdout.splitlines()
    assert lines[-2] == sysctl, done.stderr
    assert (lines[-1] == "None") is recovers
