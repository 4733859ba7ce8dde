"""What the pictures and clips are called that hsid makes: after what they were made from.

Guarantees that a name leads back to its upload or batch, and that no file is taken for hsid's own
that somebody else has put into the folder. Subfolders are of no meaning.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

UNFINISHED = ".part"
"""What a name ends in while the file is being written."""

_OURS = re.compile(r"(?:upload-(?P<upload>[1-9]\d{0,17})|batch-(?P<batch>[0-9a-f]{32}))[.-]")


@dataclass(frozen=True, slots=True)
class OfUpload:
    """Made from an upload: a thumbnail."""

    upload_id: int


@dataclass(frozen=True, slots=True)
class OfBatch:
    """Made from a batch: a clip."""

    batch_id: str


Origin: TypeAlias = OfUpload | OfBatch


def name_of(origin: Origin, ending: str) -> str:
    """Return the name of what is made from *origin*; *ending* begins with a dot or a hyphen."""
    match origin:
        case OfUpload(upload_id):
            return f"upload-{upload_id}{ending}"
        case OfBatch(batch_id):
            return f"batch-{batch_id}{ending}"


def origin_of(name: str) -> Origin | None:
    """Return what the file called *name* was made from, None if it is not hsid's."""
    found = _OURS.match(name)
    if found is None:
        return None
    if found["upload"]:
        return OfUpload(int(found["upload"]))
    return OfBatch(found["batch"])
