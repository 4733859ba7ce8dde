"""The same content from the same camera, twice in a short time, is looked at once.

So is a file whose content did not change at all, however late it was touched.
"""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, bindparam, exists, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert

from hsid.model import FileVersion, Seconds, UploadState
from hsid.store.columns import UtcDateTime
from hsid.store.schema import dedupe, uploads

_CLAIM = insert(dedupe).values(
    camera_id=bindparam("camera_id"),
    sha256=bindparam("sha256"),
    upload_id=bindparam("upload_id"),
    claimed_at=bindparam("claimed_at"),
)
_CLAIM_IF_FREE = _CLAIM.on_conflict_do_update(
    index_elements=["camera_id", "sha256"],
    set_={"upload_id": _CLAIM.excluded.upload_id, "claimed_at": _CLAIM.excluded.claimed_at},
    where=or_(
        dedupe.c.claimed_at <= bindparam("expired_at", type_=UtcDateTime),
        exists().where(
            # In words: a column of the table would be taken from all of its rows.
            uploads.c.id == literal_column("dedupe.upload_id", BigInteger),
            uploads.c.state.in_([UploadState.DEAD, UploadState.REFUSED]),
        ),
    ),
).returning(dedupe.c.upload_id)
_ORIGINAL = select(dedupe.c.upload_id).where(
    dedupe.c.camera_id == bindparam("camera_id"), dedupe.c.sha256 == bindparam("sha256")
)

_UNCHANGED = select(func.min(uploads.c.id)).where(
    uploads.c.path == bindparam("path"),
    uploads.c.inode == bindparam("inode"),
    uploads.c.sha256 == bindparam("sha256"),
    uploads.c.id != bindparam("upload_id"),
    uploads.c.state.not_in([UploadState.DEAD, UploadState.REFUSED]),
)


def unchanged(conn: Connection, version: FileVersion, sha256: str, upload_id: int) -> int | None:
    """Return the upload in which this very file was taken in with the same content, if any.

    A new time stamp alone (a touch, a restored backup) makes a new version of no new picture.
    """
    key = {"path": version.path, "inode": version.inode, "sha256": sha256, "upload_id": upload_id}
    return conn.execute(_UNCHANGED, key).scalar()


def claim(
    conn: Connection, camera_id: str, sha256: str, upload_id: int, *, at: datetime, ttl: Seconds
) -> int | None:
    """Make *upload_id* the original of this content; return the upload that is it already, if any.

    An original older than *ttl*, or one that came to nothing (dead, refused), is replaced.
    """
    key = {"camera_id": camera_id, "sha256": sha256}
    values = {"upload_id": upload_id, "claimed_at": at, "expired_at": at - timedelta(seconds=ttl)}
    if conn.execute(_CLAIM_IF_FREE, {**key, **values}).scalar() is not None:
        return None
    original = conn.execute(_ORIGINAL, key).scalar_one()
    return int(original)
