"""How much comes in: what a forecast of the room that is left is made of."""

from datetime import datetime

from sqlalchemy import Connection, case, func, select

from hsid.retention_policy.forecast import Arrivals
from hsid.store.schema import cameras, uploads


def arrivals(conn: Connection, *, since: datetime, kept_since: datetime) -> Arrivals:
    """Count the uploads that arrived *since* then, and those since *kept_since*, which is earlier.

    Reads all of the latter.
    """
    is_late = uploads.c.received_at >= since
    lately = func.sum(case((is_late, 1), else_=0))
    size = func.sum(case((is_late, uploads.c.size), else_=0))
    # Camera by camera, for the index.
    of_all = uploads.c.camera_id.in_(select(cameras.c.id))
    counted = select(lately, size, func.count()).where(of_all, uploads.c.received_at >= kept_since)
    late, length, kept = conn.execute(counted).one()
    return Arrivals(int(late or 0), int(length or 0), int(kept))
