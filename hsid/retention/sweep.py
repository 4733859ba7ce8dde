"""One sweep: look, decide, delete. With `is_dry_run` it ends each step before the deleting.

Both ways walk the same pages and ask the same decisions, so a dry run names what the real one
deletes. Rows go before files: a crash in between leaves rows that are only a key and an end, and
the next sweep goes on from there. On a full disk the portions get smaller until one fits.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import trio

from hsid.retention import disk, files, records
from hsid.retention.deletion import delete_rows
from hsid.retention.disk import Places, Sighting
from hsid.retention.measuring import Measured, measure
from hsid.retention.running import Database, Running, in_thread
from hsid.retention.work import (
    ChosenCase,
    Item,
    Kind,
    Work,
    items_of_case,
    items_of_file,
    items_of_row,
    rows_of,
)
from hsid.retention_policy.decision import (
    CaseChooser,
    FileFate,
    LedgerRow,
    Limits,
    Plan,
    may_be_old,
)
from hsid.retention_policy.planning import make_plan, words_of_missing
from hsid.store import retention as stored
from hsid.store import space
from hsid.store.errors import StoreUnavailableError

_PAGE = 200
"""Uploads that are looked at in one go; what they bring with them is deleted in one transaction."""
_WITNESSES = 20
"""Latest arrivals of a camera of which one must be seen, or nothing of it counts as gone."""
_PAGES_GIVEN_BACK = 256
_MOST_GIVEN_BACK = 256
"""Pages of the database in one transaction, and such transactions in one sweep."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a sweep did, or would do: how many of each kind, and what it has to say."""

    counts: dict[Kind, int]
    standstill: str | None
    remarks: tuple[str, ...]
    is_complete: bool
    """False if it was asked to end before it was through."""
    measured: Measured
    """What it found at its beginning."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def _yield() -> bool:
    await trio.lowlevel.checkpoint()
    return True


class Sweep:
    """A single run over everything; *report* is told each thing that goes, once it has gone.

    *breathe* is called between two portions, and ends the sweep by returning False.
    """

    def __init__(
        self,
        database: Database,
        limits: Limits,
        places: Places,
        *,
        is_dry_run: bool,
        report: Callable[[Item], None] = lambda _: None,
        breathe: Callable[[], Awaitable[bool]] = _yield,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._limits = limits
        self._now = now
        self._running = Running(database, places, is_dry_run, report, breathe)

    async def run(self) -> Result:
        """Sweep once.

        Raises:
            StoreUnavailableError: The database is away, or the disk so full that not even one thing
                can be deleted; what was deleted before stays deleted.
            StoreCorruptError: It is damaged.
        """
        running = self._running
        measured = await measure(running.database, self._limits, running.places, self._now())
        situation = measured.situation
        plan = make_plan(self._limits, situation)
        remarks = plan.remarks
        if plan.standstill is None:
            await self._carry_out(plan)
            missing = plan.missing + running.missing
            if missing and running.is_complete:
                remarks = (*remarks, words_of_missing(missing, plan.why_given, situation))
        return Result(dict(running.counts), plan.standstill, remarks, running.is_complete, measured)

    async def _carry_out(self, plan: Plan) -> None:
        running = self._running
        # Files of hsid's own first: on a full disk that is what makes room for the rest.
        await files.sweep_own(running, plan)
        for camera_id in await running.database.read(stored.camera_ids):
            await self._sweep_camera(plan, camera_id)
        await files.sweep_media(running, plan)
        await records.sweep(running, plan)
        if not running.is_dry_run:
            await self._give_back()

    async def _sweep_camera(self, plan: Plan, camera_id: str) -> None:
        chooser = CaseChooser(plan, camera_id)
        seen = await self._mounted(camera_id)
        after: stored.Position | None = None
        while await self._running.may_go_on():
            load = partial(stored.load_page, camera_id=camera_id, after=after, limit=_PAGE)
            page = await self._running.database.read(partial(load, before=chooser.before))
            if not page.rows:
                self._running.missing += chooser.missing
                return
            after = page.end
            await self._do(await self._decide(page, plan, chooser, seen), plan)

    async def _mounted(self, camera_id: str) -> frozenset[str]:
        latest = partial(stored.latest_versions, camera_id=camera_id, limit=_WITNESSES)
        versions = await self._running.database.read(latest)
        sightings = await in_thread(partial(disk.look_at, self._running.places.root, versions))
        return disk.present_tops(sightings)

    async def _decide(
        self, page: stored.Page, plan: Plan, chooser: CaseChooser, seen: frozenset[str]
    ) -> Work:
        chosen = [
            (record, reason)
            for record in page.cases
            if (reason := chooser.choose(record.case)) is not None
        ]
        singles = tuple(row for row in page.rows if not row.has_detections)
        concerned = [*singles, *(row for record, _ in chosen for row in record.rows)]
        fates = await self._fates([row for row in concerned if may_be_old(row, plan)], seen)
        cases = tuple(
            ChosenCase(
                record.case,
                record.event_id,
                reason,
                rows_of(record.rows, fates, plan, case_goes=True),
            )
            for record, reason in chosen
        )
        return Work(cases, rows_of(singles, fates, plan, case_goes=False))

    async def _fates(self, rows: Sequence[LedgerRow], seen: frozenset[str]) -> dict[int, FileFate]:
        versions = [row.version for row in rows]
        sightings = await in_thread(partial(disk.look_at, self._running.places.root, versions))
        others = {each.other for each in sightings if each.other is not None}
        known = (
            await self._running.database.read(partial(stored.known, versions=others))
            if others
            else ()
        )
        return {
            row.id: _fate(sighting, seen, is_superseded=sighting.other in known)
            for row, sighting in zip(rows, sightings, strict=True)
        }

    async def _do(self, work: Work, plan: Plan) -> None:
        if not len(work):
            return
        if self._running.is_dry_run:
            self._tell_of_rows(work)
            for row in work.rows_with_files():
                self._running.tell(items_of_file(row, plan))
            return
        try:
            done = await self._running.database.write(partial(delete_rows, work=work, plan=plan))
        except StoreUnavailableError:
            if len(work) == 1:
                raise
            for half in work.halves():
                await self._do(half, plan)
            return
        self._tell_of_rows(done)
        await self._delete_files(done, plan)

    async def _delete_files(self, work: Work, plan: Plan) -> None:
        """Delete originals whose rows are stripped, and then the rows."""
        gone = [row for row in work.rows_with_files() if await self._delete_file(row)]
        unknown = [row.id for row in gone if row.received_at < plan.unknown_before]
        if unknown:
            await self._running.database.write(partial(stored.forget, upload_ids=unknown))
        for row in gone:
            self._running.tell(items_of_file(row, plan))

    async def _delete_file(self, row: LedgerRow) -> bool:
        delete = partial(disk.delete_original, self._running.places.root, row.version)
        return await in_thread(delete)

    async def _give_back(self) -> None:
        for _ in range(_MOST_GIVEN_BACK):
            left = await self._running.database.write(
                partial(space.give_back, most_pages=_PAGES_GIVEN_BACK)
            )
            if not left or not await self._running.may_go_on():
                return

    def _tell_of_rows(self, work: Work) -> None:
        for chosen in work.cases:
            self._running.tell(items_of_case(chosen))
        for row, action in work.all_rows():
            self._running.tell(items_of_row(row, action))


def _fate(sighting: Sighting, seen: frozenset[str], *, is_superseded: bool) -> FileFate:
    """Return what to believe: a file is gone only from a folder that is surely mounted.

    It is gone as well where the ledger knows what lies in its place by now.
    """
    if is_superseded:
        return FileFate.GONE
    if sighting.fate is FileFate.GONE and disk.top_of(sighting.version) not in seen:
        return FileFate.UNKNOWN
    return sighting.fate
