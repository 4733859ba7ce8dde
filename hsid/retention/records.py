"""The steps of a sweep that delete records: dead letters, log lines, the record of changes."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Table

from hsid.retention.decision import Plan, Reason
from hsid.retention.running import Running
from hsid.retention.work import Item, Kind
from hsid.store import old_records
from hsid.store import retention as stored
from hsid.store.old_records import CHANGES, LOG_LINES, Record

_PAGE = 200
"""Dead letters, each of which is told, in one transaction."""
_LINES = 1_000
"""Log lines and changes, which are small."""


async def sweep(running: Running, plan: Plan) -> None:
    """Delete records that are too old, and as many log lines more as *plan* wants for room."""
    await _sweep_dead_letters(running, plan)
    expired = plan.log_lines_expire_before
    given = await _sweep_table(running, LOG_LINES, Kind.LOG_LINE, expired, Reason.AGE)
    young = max(expired, plan.young_since)
    more = plan.log_lines_give - given
    if more > 0:
        given = await _sweep_table(
            running, LOG_LINES, Kind.LOG_LINE, young, plan.why_given, since=expired, most=more
        )
        running.missing += max(0, more - given)
    changes = plan.changes_expire_before
    await _sweep_table(running, CHANGES, Kind.CHANGE, changes, Reason.AGE)


async def _sweep_dead_letters(running: Running, plan: Plan) -> None:
    after: tuple[str, float, str] | None = None
    while await running.may_go_on():
        load = partial(stored.old_dead_letters, died_before=plan.expires_before, limit=_PAGE)
        letters = await running.database.read(partial(load, after=after))
        if not letters:
            return
        after = letters[-1]
        if not running.is_dry_run:
            await running.database.write(partial(stored.delete_dead_letters, letters=letters))
        running.tell(
            Item(Kind.DEAD_LETTER, f"{queue}/{id_}", Reason.AGE) for queue, _, id_ in letters
        )


async def _sweep_table(
    running: Running,
    table: Table,
    kind: Kind,
    before: datetime,
    reason: Reason,
    *,
    since: datetime | None = None,
    most: int | None = None,
) -> int:
    """Delete what is from before *before*, page by page, until *most* bytes are given.

    *since* is where a dry run goes on after what an earlier call would have deleted. Returns about
    how many bytes were given.
    """
    given = 0
    after = None if since is None else Record(since, 0)
    while (most is None or given < most) and await running.may_go_on():
        load = partial(old_records.page, table=table, before=before, after=after, limit=_LINES)
        page = await running.database.read(load)
        if not page:
            break
        after = page[-1]
        if not running.is_dry_run:
            await running.database.write(partial(old_records.remove, table=table, records=page))
        given += old_records.size_of(page)
        running.tell([Item(kind, _span(page), reason, count=len(page))])
    return given


def _span(page: Sequence[Record]) -> str:
    first, last = (record.recorded_at.isoformat(" ", "seconds") for record in (page[0], page[-1]))
    return f"{len(page)} from {first} to {last}"
