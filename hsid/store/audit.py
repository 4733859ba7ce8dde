"""Who changed what, and when: one row for each change that somebody asked for, failed ones too.

The row belongs to the transaction of the change, so neither is there without the other. A change
that failed is recorded by whoever found out, as nothing else of it is left.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, insert

from hsid.store.columns import clean
from hsid.store.schema import audit


def record(
    conn: Connection,
    actor: str,
    action: str,
    target: str | None = None,
    details: Mapping[str, str | int | bool | None] | None = None,
    error: str | None = None,
) -> None:
    """Record that *actor* did *action* to *target*, or could not: *error* says why.

    Args:
        conn: In the transaction of the change itself.
        actor: By which door it came: `control socket`, `hsid events`.
        action: What was asked for, as `event.star`; programs may compare it.
        target: What it was done to, as `event:5`.
        details: What else is worth knowing later; nothing secret.
        error: Why nothing was changed.
    """
    values = {
        "recorded_at": datetime.now(UTC),
        "actor": clean(actor),
        "action": action,
        "target": None if target is None else clean(target),
        "details": {k: clean(v) if isinstance(v, str) else v for k, v in (details or {}).items()},
        "error": None if error is None else clean(error),
    }
    conn.execute(insert(audit).values(values))
