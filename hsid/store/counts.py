"""Cumulative counters of the ledger: each arrival and each end is counted as it happens.

Only the dead can come back: who is revived is no longer counted among them.
"""

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from hsid.model import UploadState
from hsid.store.schema import upload_counts

ARRIVED = "arrived"

_ADD = insert(upload_counts).values(
    outcome=bindparam("outcome"), reason=bindparam("reason"), total=bindparam("total")
)
_ADD = _ADD.on_conflict_do_update(
    index_elements=["outcome", "reason"],
    set_={"total": upload_counts.c.total + _ADD.excluded.total},
)


def add(conn: Connection, outcome: str, count: int = 1, *, reason: str = "") -> None:
    """Count *count* more uploads of this *outcome*, in the transaction that made it true."""
    conn.execute(_ADD, {"outcome": outcome, "reason": reason, "total": count})


def take_back(conn: Connection, outcome: str, count: int) -> None:
    """Uncount *count* uploads of this *outcome*, which have left that end again."""
    columns = upload_counts.c
    is_it = columns.outcome == outcome, columns.reason == ""
    conn.execute(update(upload_counts).where(*is_it).values(total=columns.total - count))


def totals(conn: Connection) -> dict[str, int]:
    """Return how many uploads had each outcome, `ARRIVED` or the name of an end."""
    columns = upload_counts.c
    rows = conn.execute(select(columns.outcome, func.sum(columns.total)).group_by(columns.outcome))
    return {outcome: int(total) for outcome, total in rows}


def refusals(conn: Connection) -> dict[str, int]:
    """Return how many uploads were refused for each reason."""
    columns = upload_counts.c
    rows = conn.execute(
        select(columns.reason, columns.total).where(columns.outcome == UploadState.REFUSED)
    )
    return {reason: total for reason, total in rows}  # noqa: C416 - typed, unlike dict(rows)
