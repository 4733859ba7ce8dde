"""Looking at files: is one there, is it whole, what is it. Blocking; `inspector` adds the threads.

A file is read once, with a bound, from one descriptor; the version reported is that descriptor's.
Nothing is decoded. What is wrong with a file is a finding, never an exception; exceptions mean
that the root or this machine is at fault.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from hsid.intake.beneath import open_beneath, stat_beneath
from hsid.intake.errors import OverwrittenError, VanishedError
from hsid.intake.formats import (
    HEAD_BYTES,
    JPEG,
    PNG,
    TAIL_BYTES,
    Format,
    is_cut_signature,
    looks_whole,
    recognise,
)
from hsid.intake.hints import Look, Stamp
from hsid.intake.jpeg import read_jpeg
from hsid.intake.pictures import PictureHeader
from hsid.intake.png import read_png
from hsid.model import FileVersion, RefusalReason
from hsid.paths import from_text
from hsid.refusal import RefusedError

_READERS: dict[Format, Callable[[bytes, int], PictureHeader]] = {JPEG: read_jpeg, PNG: read_png}


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an upload may be."""

    max_file_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class Changed:
    """The file is no longer, or did not stay, in the version that was to be inspected."""

    path: bytes
    stamp: Stamp
    """The version that is gone."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What inspection found out; *refusal* or *picture* is set, never both."""

    mime_type: str | None = None
    sha256: str | None = None
    picture: PictureHeader | None = None
    refusal: RefusedError | None = None


def look_at(root: bytes, path: bytes) -> Look | None:
    """Return the present stamp of *path* and whether it has a valid trailer.

    What can't be read, or is no regular file, counts as whole: inspection will name the reason.
    None means that nothing can be reached by the path: it is gone, or in a folder that a scan
    reports as unreadable.
    """
    try:
        status = stat_beneath(root, path)
    except RefusedError:
        return None
    is_whole = not stat.S_ISREG(status.st_mode) or _has_trailer(root, path)
    return Look(Stamp.of(status), is_whole)


def inspect_file(root: bytes, path: bytes, stamp: Stamp, limits: Limits) -> Findings | Changed:
    """Find out what version *stamp* of *path* is and whether hsid can use it."""
    try:
        with open_beneath(root, path) as descriptor:
            # The version is compared before and after: in between its writer may have come back,
            # and then neither the content nor a refusal of it means anything.
            if _stamp_of(descriptor) == stamp:
                findings = _findings(descriptor, stamp.size, limits)
                if _stamp_of(descriptor) == stamp:
                    return findings
            return Changed(path, stamp)
    except RefusedError as refusal:
        return Findings(refusal=refusal)


def read_version(root: bytes, version: FileVersion) -> bytes:
    """Return the content of *version*.

    Raises:
        OverwrittenError: The path holds another version by now.
        VanishedError: It holds none.
        RefusedError: It can't be opened for another reason.
    """
    expected = Stamp(version.inode, version.size, version.mtime_ns)
    with open_beneath(root, from_text(version.path)) as descriptor:
        if _stamp_of(descriptor) == expected:
            content = _read(descriptor, expected.size)
            if _stamp_of(descriptor) == expected:
                return content
    raise OverwrittenError("the file was written again after its inspection")


def _has_trailer(root: bytes, path: bytes) -> bool:
    try:
        with open_beneath(root, path) as descriptor:
            size = os.fstat(descriptor).st_size
            tail = os.pread(descriptor, TAIL_BYTES, max(0, size - TAIL_BYTES))
            return looks_whole(os.pread(descriptor, HEAD_BYTES, 0), tail)
    except VanishedError:
        return False
    except RefusedError:
        return True


def _findings(descriptor: int, size: int, limits: Limits) -> Findings:
    head = os.pread(descriptor, HEAD_BYTES, 0)
    form = recognise(head)
    if form is None:
        return Findings(refusal=_unknown(head))
    refusal = _refusal_unread(form, size, limits)
    if refusal is not None:
        return Findings(form.mime_type, refusal=refusal)
    return _examined(form, _read(descriptor, size), limits.max_pixels)


def _unknown(head: bytes) -> RefusedError:
    if not head:
        return RefusedError(RefusalReason.EMPTY_FILE, "the file has no content")
    if is_cut_signature(head):
        return RefusedError(RefusalReason.TRUNCATED, f"only {len(head)} bytes")
    begin = head[:8].hex(" ")
    return RefusedError(
        RefusalReason.NOT_A_PICTURE, f"neither JPEG nor PNG, it begins with {begin}"
    )


def _refusal_unread(form: Format, size: int, limits: Limits) -> RefusedError | None:
    if form not in _READERS:
        return RefusedError(RefusalReason.UNSUPPORTED_FORMAT, form.name)
    if size > limits.max_file_bytes:
        detail = f"{size} bytes, at most {limits.max_file_bytes} allowed"
        return RefusedError(RefusalReason.TOO_MANY_BYTES, detail)
    return None


def _examined(form: Format, content: bytes, max_pixels: int) -> Findings:
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        picture = _READERS[form](content, max_pixels)
    except RefusedError as refusal:
        return Findings(form.mime_type, sha256, refusal=refusal)
    return Findings(form.mime_type, sha256, picture)


def _read(descriptor: int, size: int) -> bytes:
    """Return the content, of which no more than *size* bytes are read."""
    pieces = []
    while size and (piece := os.read(descriptor, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _stamp_of(descriptor: int) -> Stamp:
    return Stamp.of(os.fstat(descriptor))
