"""Which camera a file belongs to: the first folder below the root says. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping

from hsid.model import Camera
from hsid.paths import to_text

UNASSIGNED = Camera(id="unassigned", name="Unassigned")
"""The camera of files that lie in the root itself."""
LONGEST_ID = 64

_GAPS = re.compile(r"[\s-]+")
_DROPPED = re.compile(r"\W+")
_UNDERSCORES = re.compile(r"_+")
_HASH_DIGITS = 8


def camera_of(path: bytes, configured: Mapping[str, Camera]) -> Camera:
    """Return the camera of *path*: the configured one of its id, else one made from the folder."""
    folder, slash, _ = path.partition(b"/")
    if not slash:
        return configured.get(UNASSIGNED.id, UNASSIGNED)
    camera_id = camera_id_of(folder)
    return configured.get(camera_id) or Camera(id=camera_id, name=to_text(folder))


def camera_id_of(folder: bytes) -> str:
    """Return the id that the folder name stands for: 1 to 64 letters, digits and underscores.

    A name without any of those, or too long to be told from another by its start, gets a
    fingerprint: no folder is left without a camera.
    """
    # Composed first: a Mac writes ü as two characters, of which the second is no letter. Composed
    # last: what was kept apart by a dropped one may meet. So the id of an id is that id.
    name = _composed(to_text(folder)).strip().lower()
    plain = _composed(_DROPPED.sub("", _GAPS.sub("_", name)))
    plain = _UNDERSCORES.sub("_", plain).strip("_")
    if plain and len(plain) <= LONGEST_ID:
        return plain
    fingerprint = hashlib.sha256(folder).hexdigest()[:_HASH_DIGITS]
    start = plain[: LONGEST_ID - _HASH_DIGITS - 1].rstrip("_")
    return f"{start or 'camera'}_{fingerprint}"


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
