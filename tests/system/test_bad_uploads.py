"""Everything a camera, a disk or a stranger may put into the folder, and where it ends."""

import io
import os
import sqlite3
import struct
import time
import zlib
from pathlib import Path

from PIL import Image

from benchmarks._daemon import Daemon, running
from hsid.paths import to_text

LONGEST = b"n" * 251 + b".jpg"


def picture(kind: str = "JPEG") -> bytes:
    """Return a whole picture that no other call returns."""
    buffer = io.BytesIO()
    Image.effect_noise((320, 240), 80).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def huge_png() -> bytes:
    """Return a few KiB that would be 361 million pixels."""
    image = Image.new("1", (19_000, 19_000))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def forged_jpeg() -> bytes:
    """Return a picture whose header claims 65500 by 65500 pixels."""
    content = bytearray(picture())
    start = content.index(b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(content)


def damaged_png() -> bytes:
    """Return a PNG that is whole as a file and can't be decoded."""
    content = picture("PNG")
    start = content.index(b"IDAT")
    length = struct.unpack(">I", content[start - 4 : start])[0]
    junk = b"IDAT" + bytes(length)
    crc = struct.pack(">I", zlib.crc32(junk))
    return content[:start] + junk + crc + content[start + 4 + length + 4 :]


def build_uploads() -> dict[bytes, tuple[bytes, str]]:
    """Return name, content and expected end of each upload."""
    whole = picture()
    return {
        b"zero.jpg": (b"", "empty_file"),
        b"one.jpg": (b"\xff", "truncated"),
        b"start.jpg": (b"\xff\xd8", "truncated"),
        b"text.jpg": (b"I am no picture", "not_a_picture"),
        b"png.jpg": (picture("PNG"), "nothing_seen"),
        b"cut30.jpg": (whole[: len(whole) * 30 // 100], "truncated"),
        b"cut60.jpg": (whole[: len(whole) * 60 // 100], "truncated"),
        b"cut99.jpg": (whole[: len(whole) * 99 // 100], "truncated"),
        b"cut2.jpg": (whole[:-2], "truncated"),
        b"huge.png": (huge_png(), "too_many_pixels"),
        b"forged.jpg": (forged_jpeg(), "too_many_pixels"),
        b"damaged.png": (damaged_png(), "corrupt"),
        b"caf\xe9.jpg": (picture(), "nothing_seen"),
        b"line\nfeed.jpg": (picture(), "nothing_seen"),
        LONGEST: (picture(), "nothing_seen"),
        b"clip.mp4": (b"\0\0\0\x18ftypmp42" + bytes(64), "unsupported_format"),
    }


def ends(daemon: Daemon) -> dict[str, str]:
    """Return for each path its refusal, or else its state."""
    with sqlite3.connect(f"file:{daemon.database()}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT path, coalesce(reason, state) FROM uploads ORDER BY id")
        return dict(rows.fetchall())


def place(camera: Path, name: bytes, content: bytes) -> None:
    """Write a file whose name may be any bytes."""
    (camera / os.fsdecode(name)).write_bytes(content)


def wait_for_ends(daemon: Daemon, count: int) -> dict[str, str]:
    """Wait until *count* uploads have ended; return where."""
    daemon.wait_until(
        lambda status: status["uploads"]["arrived"] >= count and not status["uploads"]["pending"]
    )
    return ends(daemon)


def test_every_bad_upload_has_its_end_and_its_line_in_the_log(tmp_path: Path) -> None:
    """Each ends with its reason, each refusal is logged, and the daemon goes on."""
    uploads = build_uploads()
    camera = tmp_path / "cameras" / "front"
    camera.mkdir(parents=True)  # watched from the start: their writers are seen to close them
    with running(tmp_path, log_format="json") as daemon:
        for name, (content, _) in uploads.items():
            place(camera, name, content)
        found = wait_for_ends(daemon, len(uploads))
        status = daemon.status()
    log = (tmp_path / "data/logs/hsid.log").read_text()

    assert found == {f"front/{to_text(name)}": end for name, (_, end) in uploads.items()}
    assert status["adds_up"]
    for path, end in found.items():
        if end != "nothing_seen":
            assert end in log
            assert path.replace("\\", "\\\\") in log or end == "corrupt"


def test_links_pipes_and_files_that_vanish_are_no_trouble(tmp_path: Path) -> None:
    """What is no regular file below the root is refused; a folder may go while it is watched."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "inside.jpg").write_bytes(picture())
    with running(tmp_path / "house") as daemon:
        camera = daemon.folder / "front"
        camera.mkdir()
        (camera / "link.jpg").symlink_to(secret / "inside.jpg")
        (camera / "folder").symlink_to(secret)
        os.mkfifo(camera / "pipe.jpg")
        doomed = daemon.folder / "doomed"
        doomed.mkdir()
        time.sleep(0.3)  # until it is watched
        doomed.rmdir()
        (camera / "good.jpg").write_bytes(picture())
        found = wait_for_ends(daemon, 3)

    assert found == {
        "front/link.jpg": "outside_root",
        "front/pipe.jpg": "not_a_regular_file",
        "front/good.jpg": "nothing_seen",
    }


def test_a_restart_over_known_files_is_no_arrival(tmp_path: Path) -> None:
    """A file version is an arrival once, however often the daemon starts."""
    for _ in range(2):
        with running(tmp_path) as daemon:
            camera = daemon.folder / "front"
            camera.mkdir(exist_ok=True)
            for name in ("a.jpg", "b.jpg"):
                if not (camera / name).exists():
                    (camera / name).write_bytes(picture())
            wait_for_ends(daemon, 2)
            counts = daemon.uploads()

    assert counts["arrived"] == 2
