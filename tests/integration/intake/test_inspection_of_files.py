"""Every kind of bad file is refused with its reason, every good one accepted."""

import errno
import io
import os
import resource
import socket
import stat
from pathlib import Path

import pytest
from PIL import Image

from hsid.intake import beneath
from hsid.intake.errors import OverwrittenError, RootUnavailableError, VanishedError
from hsid.intake.hints import Look, Stamp
from hsid.intake.inspection import (
    Changed,
    Findings,
    Limits,
    _findings,
    _read,
    inspect_file,
    look_at,
    read_version,
)
from hsid.model import RefusalReason as Reason
from hsid.refusal import RefusedError

LIMITS = Limits(max_file_bytes=1_000_000, max_pixels=1_000_000)


def inspect(root: Path, path: bytes, limits: Limits = LIMITS) -> Findings:
    """Inspect *path* as the watcher does: a glance first."""
    look = look_at(os.fsencode(root), path)
    assert look is not None
    findings = inspect_file(os.fsencode(root), path, look.stamp, limits)
    assert isinstance(findings, Findings)
    return findings


def refusal(findings: Findings) -> Reason | None:
    """Return why the file was refused, None if it was not."""
    return findings.refusal.reason if findings.refusal else None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.EMPTY_FILE),
        (b"\xff", Reason.TRUNCATED),
        (b"x", Reason.NOT_A_PICTURE),
        (b"\xff\xd8", Reason.TRUNCATED),
        (b"hello, this is text", Reason.NOT_A_PICTURE),
        (b"<!DOCTYPE html><title>502</title>", Reason.NOT_A_PICTURE),
        (bytes(5000), Reason.NOT_A_PICTURE),
        (b"GIF89a" + bytes(50), Reason.UNSUPPORTED_FORMAT),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Reason.UNSUPPORTED_FORMAT),
        (b"RIFF\0\0\0\0WEBPVP8 ", Reason.UNSUPPORTED_FORMAT),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp41", Reason.UNSUPPORTED_FORMAT),
        (b"\xff\xd8" + bytes(1_000_000), Reason.TOO_MANY_BYTES),
        (b"\xff\xd8 nothing", Reason.CORRUPT),
    ],
)
def test_what_is_no_good_picture_is_refused(root: Path, place, content, reason) -> None:
    """The reason says what is wrong, and the detail says it to people (D1, D6)."""
    place(root / "cam/a.jpg", content)
    findings = inspect(root, b"cam/a.jpg")

    assert refusal(findings) is reason
    assert findings.refusal.detail


def test_a_good_picture_is_accepted(root: Path, place, jpeg: bytes) -> None:
    """Type, fingerprint and size are reported."""
    place(root / "cam/a.jpg", jpeg)
    findings = inspect(root, b"cam/a.jpg")

    assert refusal(findings) is None
    assert findings.mime_type == "image/jpeg"
    assert (findings.picture.width, findings.picture.height) == (160, 120)


def test_content_decides_not_the_name(root: Path, place, png: bytes) -> None:
    """A PNG named .jpg is a good PNG."""
    place(root / "cam/a.jpg", png)

    assert inspect(root, b"cam/a.jpg").mime_type == "image/png"


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.99, None])
def test_a_cut_jpeg_is_refused_as_truncated(root: Path, place, jpeg: bytes, cut) -> None:
    """Cut at 30, 60, 99 % or by its last two bytes, it is never taken for whole (D2)."""
    place(root / "a.jpg", jpeg[:-2] if cut is None else jpeg[: int(len(jpeg) * cut)])
    findings = inspect(root, b"a.jpg")

    assert refusal(findings) is Reason.TRUNCATED
    assert findings.sha256


def test_a_real_bomb_is_refused_undecoded(root: Path, place) -> None:
    """19000x19000 pixels of one colour fit in a small file and in no memory (D4)."""
    buffer = io.BytesIO()
    Image.new("1", (19_000, 19_000)).save(buffer, "PNG")
    place(root / "a.png", buffer.getvalue())

    assert buffer.tell() < 100_000
    assert refusal(inspect(root, b"a.png")) is Reason.TOO_MANY_PIXELS


NAMES = [b"caf\xe9.jpg", b"a\nb\t.jpg", b"x" * 251 + b".jpg", "😀\u202e.jpg".encode(), b"-a%s.jpg"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_inspected_and_read_back(root: Path, place_named, jpeg, name: bytes) -> None:
    """The text in the record leads back to the very file (W11)."""
    stamp = place_named(root, name, jpeg)

    assert refusal(inspect(root, name)) is None
    assert read_version(os.fsencode(root), stamp.version(name)) == jpeg


def test_a_link_to_a_file_is_refused(root: Path, tmp_path: Path, place, jpeg: bytes) -> None:
    """What lies outside is not read, whatever leads to it (W12)."""
    place(tmp_path / "secret.jpg", jpeg)
    (root / "a.jpg").symlink_to(tmp_path / "secret.jpg")

    assert refusal(inspect(root, b"a.jpg")) is Reason.OUTSIDE_ROOT


def test_a_linked_folder_is_refused(root: Path, tmp_path: Path, place, jpeg: bytes) -> None:
    """No component below the root is followed."""
    stamp = place(tmp_path / "a.jpg", jpeg)
    (root / "cam").symlink_to(tmp_path)

    findings = inspect_file(os.fsencode(root), b"cam/a.jpg", stamp, LIMITS)
    assert refusal(findings) is Reason.OUTSIDE_ROOT


@pytest.mark.parametrize("path", [b"../a.jpg", b"cam/../../a.jpg", b"/etc/a.jpg", b"a//b", b"\0"])
def test_a_path_that_leads_out_is_refused(root: Path, path: bytes) -> None:
    """Paths come back from the database, so they are checked like any input."""
    findings = inspect_file(os.fsencode(root), path, Stamp(1, 1, 1), LIMITS)

    assert refusal(findings) is Reason.OUTSIDE_ROOT


def test_a_linked_root_works(root: Path, tmp_path: Path, place, jpeg: bytes) -> None:
    """The root's own path is the administrator's choice."""
    place(root / "cam/a.jpg", jpeg)
    link = tmp_path / "link"
    link.symlink_to(root)

    assert refusal(inspect(link, b"cam/a.jpg")) is None


def make_fifo(path: Path) -> None:
    """Make a FIFO."""
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    """Make a socket that nobody listens on any more."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def make_device(path: Path) -> None:
    """Make another null device."""
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device needs root")


@pytest.mark.parametrize("make", [Path.mkdir, make_fifo, make_socket, make_device])
def test_what_is_no_file_is_refused_at_once(root: Path, make) -> None:
    """Opening such a thing could block or do harm, so it is not opened."""
    make(root / "a.jpg")

    assert refusal(inspect(root, b"a.jpg")) is Reason.NOT_A_REGULAR_FILE


def test_an_unreadable_file_is_refused(root: Path, place, jpeg: bytes, as_nobody) -> None:
    """Without permission there is no content, and waiting gives none."""
    os.seteuid(0)
    place(root / "a.jpg", jpeg)
    (root / "a.jpg").chmod(0)
    os.seteuid(65534)

    assert look_at(os.fsencode(root), b"a.jpg").is_whole
    assert refusal(inspect(root, b"a.jpg")) is Reason.UNREADABLE


def test_a_file_deleted_before_inspection_is_refused_as_vanished(root: Path, place) -> None:
    """It was seen complete, so it is accounted for."""
    stamp = place(root / "a.jpg", b"x")
    (root / "a.jpg").unlink()

    assert look_at(os.fsencode(root), b"a.jpg") is None
    assert refusal(inspect_file(os.fsencode(root), b"a.jpg", stamp, LIMITS)) is Reason.VANISHED


def test_a_file_in_the_place_of_a_folder_means_vanished(root: Path, place) -> None:
    """The path that was complete leads nowhere now."""
    stamp = place(root / "cam", b"x")
    findings = inspect_file(os.fsencode(root), b"cam/a.jpg", stamp, LIMITS)

    assert refusal(findings) is Reason.VANISHED


def test_another_version_is_told_as_changed(root: Path, place, jpeg: bytes) -> None:
    """What was to be inspected is no longer there; nobody is refused for it."""
    stamp = place(root / "a.jpg", b"old")
    place(root / "a.jpg", jpeg)
    found = inspect_file(os.fsencode(root), b"a.jpg", stamp, LIMITS)

    assert found == Changed(b"a.jpg", stamp)


@pytest.mark.parametrize("content", [b"", b"junk", b"\xff\xd8\xff"])
def test_a_file_rewritten_while_it_is_read_is_told_as_changed(
    root: Path, place, jpeg: bytes, monkeypatch, content: bytes
) -> None:
    """Its writer is at it again: neither a mix of two contents nor a refusal is reported."""
    stamp = place(root / "a.jpg", jpeg)

    def findings_after_a_rewrite(*args: object) -> Findings:
        place(root / "a.jpg", content)
        return _findings(*args)

    monkeypatch.setattr("hsid.intake.inspection._findings", findings_after_a_rewrite)

    assert inspect_file(os.fsencode(root), b"a.jpg", stamp, LIMITS) == Changed(b"a.jpg", stamp)


def test_a_version_overwritten_while_it_is_read_is_not_handed_out(
    root: Path, place, jpeg: bytes, monkeypatch
) -> None:
    """Not even where the new content has the same length."""
    version = place(root / "a.jpg", jpeg).version(b"a.jpg")

    def read_after_a_rewrite(*args: int) -> bytes:
        place(root / "a.jpg", bytes(len(jpeg)))
        os.utime(root / "a.jpg", ns=(0, version.mtime_ns + 1))
        return _read(*args)

    monkeypatch.setattr("hsid.intake.inspection._read", read_after_a_rewrite)

    with pytest.raises(OverwrittenError):
        read_version(os.fsencode(root), version)


def test_a_missing_root_is_nobodys_refusal(root: Path) -> None:
    """An unmounted disk must not refuse all the files on it."""
    with pytest.raises(RootUnavailableError):
        inspect_file(os.fsencode(root) + b"/gone", b"a.jpg", Stamp(1, 1, 1), LIMITS)


def test_reading_an_overwritten_version_fails(root: Path, place, jpeg: bytes) -> None:
    """The detector never sees a picture other than the one on record (W10)."""
    version = place(root / "a.jpg", jpeg).version(b"a.jpg")
    place(root / "a.jpg", jpeg + b"!")

    with pytest.raises(OverwrittenError) as caught:
        read_version(os.fsencode(root), version)
    assert caught.value.reason is Reason.OVERWRITTEN


def test_reading_a_version_replaced_by_rename_fails(root: Path, place, jpeg: bytes) -> None:
    """The same content and size in another file is another version."""
    version = place(root / "a.jpg", jpeg).version(b"a.jpg")
    place(root / "b.jpg", jpeg)
    (root / "b.jpg").rename(root / "a.jpg")

    with pytest.raises(OverwrittenError):
        read_version(os.fsencode(root), version)


def test_reading_a_deleted_version_fails(root: Path, place, jpeg: bytes) -> None:
    """Gone is told from overwritten."""
    version = place(root / "a.jpg", jpeg).version(b"a.jpg")
    (root / "a.jpg").unlink()

    with pytest.raises(VanishedError):
        read_version(os.fsencode(root), version)


def test_reading_through_a_link_fails(root: Path, tmp_path: Path, place, jpeg: bytes) -> None:
    """A folder swapped for a link after the inspection leads nowhere."""
    version = place(root / "cam/a.jpg", jpeg).version(b"cam/a.jpg")
    (root / "cam").rename(tmp_path / "cam")
    (root / "cam").symlink_to(tmp_path / "cam")

    with pytest.raises(RefusedError) as caught:
        read_version(os.fsencode(root), version)
    assert caught.value.reason is Reason.OUTSIDE_ROOT


def test_a_glance_tells_a_whole_picture_from_a_half(root: Path, place, jpeg: bytes) -> None:
    """The trailer is what settling asks for."""
    whole, half = place(root / "a.jpg", jpeg), place(root / "b.jpg", jpeg[:-2])

    assert look_at(os.fsencode(root), b"a.jpg") == Look(whole, is_whole=True)
    assert look_at(os.fsencode(root), b"b.jpg") == Look(half, is_whole=False)


def test_no_descriptor_is_left_open(root: Path, place, jpeg: bytes) -> None:
    """Neither good nor bad files leave anything behind."""
    place(root / "x/y/a.jpg", jpeg)
    os.mkfifo(root / "x/y/b.jpg")
    before = set(Path("/proc/self/fd").iterdir())
    for path in (b"x/y/a.jpg", b"x/y/b.jpg"):
        inspect(root, path)
    with pytest.raises(RefusedError):
        read_version(os.fsencode(root), Stamp(1, 1, 1).version(b"x/z/a.jpg"))

    assert set(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), Reason.OUTSIDE_ROOT),
        (os.mkfifo, Reason.NOT_A_REGULAR_FILE),
        (Path.mkdir, Reason.NOT_A_REGULAR_FILE),
    ],
    ids=["link", "fifo", "folder"],
)
def test_a_file_swapped_before_it_is_opened_is_refused(
    root: Path, place, jpeg: bytes, monkeypatch, make, reason
) -> None:
    """What was a picture when it was looked at may be something else a moment later."""
    stamp = place(root / "a.jpg", jpeg)
    check = beneath._check_regular

    def check_and_swap(mode: int) -> None:
        check(mode)
        monkeypatch.setattr(beneath, "_check_regular", check)
        (root / "a.jpg").unlink()
        make(root / "a.jpg")

    monkeypatch.setattr(beneath, "_check_regular", check_and_swap)
    findings = inspect_file(os.fsencode(root), b"a.jpg", stamp, LIMITS)
    assert findings.refusal.reason is reason


@pytest.mark.parametrize("room", [0, 1])
def test_a_machine_out_of_descriptors_refuses_no_file(root: Path, place, jpeg, room) -> None:
    """Neither file nor root is to blame, whichever of the two can't be opened."""
    stamp = place(root / "a.jpg", jpeg)
    free = os.open(root, os.O_PATH)
    os.close(free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + room, hard))
    try:
        with pytest.raises(OSError, match="Too many open files") as failed:
            inspect_file(os.fsencode(root), b"a.jpg", stamp, LIMITS)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert failed.value.errno == errno.EMFILE
