"""What the store says of the uploads and batches that thumbnails and clips were made from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from hsid.media.names import OfBatch, OfUpload, Origin
from hsid.store.chunks import chunks
from hsid.store.schema import batches, detections, events, stars, uploads


@dataclass(frozen=True, slots=True)
class Standing:
    """Those of some origins that are still there, and those that a star keeps."""

    present: frozenset[Origin]
    starred: frozenset[Origin]


def starred(conn: Connection) -> frozenset[Origin]:
    """Return all batches and uploads that a star keeps."""
    found: set[Origin] = {OfBatch(batch_id) for batch_id in conn.scalars(_starred_batches())}
    found |= {OfUpload(upload_id) for upload_id in conn.scalars(_starred_uploads())}
    return frozenset(found)


def standing(conn: Connection, origins: Iterable[Origin]) -> Standing:
    """Look what has become of *origins*; an upload that retention has stripped is not there."""
    all_ = set(origins)
    upload_ids = sorted(each.upload_id for each in all_ if isinstance(each, OfUpload))
    batch_ids = sorted(each.batch_id for each in all_ if isinstance(each, OfBatch))
    present: set[Origin] = set()
    kept: set[Origin] = set()
    for ids in chunks(upload_ids):
        is_one = uploads.c.id.in_(ids)
        # What was made from an upload was made after a detector had looked at it.
        seen = select(uploads.c.id).where(is_one, uploads.c.detector.is_not(None))
        present |= set(map(OfUpload, conn.scalars(seen)))
        of_ids = _starred_uploads().where(detections.c.upload_id.in_(ids))
        kept |= set(map(OfUpload, conn.scalars(of_ids)))
    for names in chunks(batch_ids):
        there = select(batches.c.id).where(batches.c.id.in_(names))
        present |= set(map(OfBatch, conn.scalars(there)))
        of_names = _starred_batches().where(events.c.batch_id.in_(names))
        kept |= set(map(OfBatch, conn.scalars(of_names)))
    return Standing(frozenset(present), frozenset(kept))


def _starred_batches() -> Select[Any]:
    return select(events.c.batch_id).join(stars, stars.c.event_id == events.c.id)


def _starred_uploads() -> Select[Any]:
    joined = select(detections.c.upload_id).distinct()
    joined = joined.join(events, events.c.batch_id == detections.c.batch_id)
    return joined.join(stars, stars.c.event_id == events.c.id)
