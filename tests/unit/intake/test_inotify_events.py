"""What the kernel's records mean, record by record."""

import struct

import pytest
from inotify_simple import flags, parse_events

from hsid.intake.hints import FileClosed, FileMovedIn, FileSeen, Rescan
from hsid.intake.inotify import FolderAppeared, FolderLeft, RootLost, WatchEnded, interpret


def meaning(mask: int, name: bytes = b"", folder: bytes | None = b"cam", wd: int = 1):
    """Return what a record, as the kernel packs it, means on the watch of *folder*."""
    padded = name + bytes(16 - len(name) % 16)
    (event,) = parse_events(struct.pack("iIII", wd, mask, 0, len(padded)) + padded)
    return interpret(event, folder)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (flags.CLOSE_WRITE, FileClosed(b"cam/a.jpg")),
        (flags.MOVED_TO, FileMovedIn(b"cam/a.jpg")),
        (flags.CREATE, FileSeen(b"cam/a.jpg")),
        (flags.MOVED_FROM, None),
    ],
)
def test_records_about_files_become_hints(mask: int, expected: object) -> None:
    """Closed, moved in, created; where it went when it left is of no interest."""
    assert meaning(mask, b"a.jpg") == expected


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (flags.CREATE, FolderAppeared(b"cam/new")),
        (flags.MOVED_TO, FolderAppeared(b"cam/new")),
        (flags.MOVED_FROM, FolderLeft(b"cam/new")),
    ],
)
def test_records_about_folders_change_the_watches(mask: int, expected: object) -> None:
    """A folder that comes is to be watched, one that goes no more."""
    assert meaning(mask | flags.ISDIR, b"new") == expected


def test_an_overflow_asks_for_a_rescan() -> None:
    """The record carries no watch, as it concerns all of them (W1)."""
    assert isinstance(meaning(flags.Q_OVERFLOW, folder=None, wd=-1), Rescan)


@pytest.mark.parametrize("mask", [flags.DELETE_SELF, flags.IGNORED, flags.UNMOUNT])
def test_the_end_of_a_watch_matters_most_at_the_root(mask: int) -> None:
    """Below the root a folder may go; without the root there is nothing to watch."""
    assert meaning(mask, wd=7) == WatchEnded(7)
    assert isinstance(meaning(mask, folder=b""), RootLost)


def test_a_moved_root_is_lost() -> None:
    """Its path leads elsewhere now; of other folders their parents tell."""
    assert isinstance(meaning(flags.MOVE_SELF, folder=b""), RootLost)
    assert meaning(flags.MOVE_SELF) is None


def test_records_of_a_watch_given_up_are_ignored() -> None:
    """They may still lie in the queue when the watch is gone."""
    assert meaning(flags.CLOSE_WRITE, b"a.jpg", folder=None) is None


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"a\nb.jpg", b"\xff" * 251 + b".jpg"])
def test_names_are_bytes_all_the_way(name: bytes) -> None:
    """No name is changed or lost for not being text (W11)."""
    assert meaning(flags.CLOSE_WRITE, name, folder=b"") == FileClosed(name)
