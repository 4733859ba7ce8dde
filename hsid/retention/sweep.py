"""One sweep: look, decide, delete. With `is_dry_run` it ends each step before the deleting.

Both ways walk the same pages and ask the same decisions, so a dry run names what the real one
deletes. Rows go before files: a crash in between leaves rows that are only a key and an end, and
the next sweep goes on from there. On a full disk the portions get smaller until one fits.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

import trio
from sqlalchemy import Connection

from hsid.retention import disk
from hsid.retention.decision import (
    CaseChooser,
    FileFate,
    LedgerRow,
    Limits,
    Plan,
    Reason,
    Situation,
    make_plan,
    may_be_old,
)
from hsid.retention.deletion import delete_rows
from hsid.retention.disk import Places, Sighting
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
from hsid.store import retention as stored
from hsid.store import space
from hsid.store.errors import StoreUnavailableError

T = TypeVar("T")

_PAGE = 200
"""Uploads that are looked at in one go; what they bring with them is deleted in one transaction."""
_WITNESSES = 20
"""Latest arrivals of a camera of which one must be seen, or nothing of it counts as gone."""
_PAGES_GIVEN_BACK = 256
_MOST_GIVEN_BACK = 256
"""Pages of the database in one transaction, and such transactions in one sweep."""


class Database(Protocol):
    """Where to read and write: a `Store`, or what stands in for it where nothing is written."""

    async def read(self, call: Callable[[Connection], T]) -> T:
        """Return what *call* makes of a snapshot."""
        ...

    async def write(self, call: Callable[[Connection], T]) -> T:
        """Run *call* in a transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """What a sweep did, or would do: how many of each kind, and what it has to say."""

    counts: dict[Kind, int]
    standstill: str | None
    remarks: tuple[str, ...]
    is_complete: bool
    """False if it was asked to end before it was through."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def _yield() -> bool:
    await trio.lowlevel.checkpoint()
    return True


async def look(database: Database, limits: Limits, places: Places, now: datetime) -> Situation:
    """Return what a plan is made of."""

    def read(conn: Connection) -> tuple[stored.Beginning, space.DatabaseSpace, dict[str, int]]:
        is_limited = limits.max_bytes is not None or limits.min_free_bytes is not None
        sizes = stored.histories(conn) if is_limited else {}
        return stored.beginning(conn), space.measure(conn), sizes

    beginning, room, histories = await database.read(read)
    return await _in_thread(partial(_situation, beginning, room, histories, places, now))


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
        self._database = database
        self._limits = limits
        self._places = places
        self._is_dry_run = is_dry_run
        self._report = report
        self._breathe = breathe
        self._now = now
        self._counts: Counter[Kind] = Counter()
        self._is_complete = True

    async def run(self) -> Result:
        """Sweep once.

        Raises:
            StoreUnavailableError: The database is away, or the disk so full that not even one thing
                can be deleted; what was deleted before stays deleted.
            StoreCorruptError: It is damaged.
        """
        situation = await look(self._database, self._limits, self._places, self._now())
        plan = make_plan(self._limits, situation)
        if plan.standstill is None:
            await self._carry_out(plan)
        return Result(dict(self._counts), plan.standstill, plan.remarks, self._is_complete)

    async def _carry_out(self, plan: Plan) -> None:
        # Files of hsid's own first: on a full disk that is what makes room for the rest.
        await self._delete_own(plan)
        for camera_id in await self._database.read(stored.camera_ids):
            await self._sweep_camera(plan, camera_id)
        await self._sweep_dead_letters(plan)
        if not self._is_dry_run:
            await self._give_back()

    async def _delete_own(self, plan: Plan) -> None:
        unfinished = await _in_thread(partial(disk.leftovers, self._places, plan.now))
        doomed = [(file, Kind.LEFTOVER, Reason.LEFTOVER) for file in unfinished]
        doomed += [(file, Kind.LOG, reason) for file, reason in plan.logs]
        for file, kind, reason in doomed:
            if self._is_dry_run or await _in_thread(partial(disk.delete_own, file)):
                self._tell([Item(kind, file.path.name, reason)])

    async def _sweep_camera(self, plan: Plan, camera_id: str) -> None:
        chooser = CaseChooser(plan, camera_id)
        seen = await self._mounted(camera_id)
        after: stored.Position | None = None
        while await self._may_go_on():
            load = partial(stored.load_page, camera_id=camera_id, after=after, limit=_PAGE)
            page = await self._database.read(partial(load, before=chooser.before))
            if not page.rows:
                return
            after = page.end
            await self._do(await self._decide(page, plan, chooser, seen), plan)

    async def _mounted(self, camera_id: str) -> frozenset[str]:
        latest = partial(stored.latest_versions, camera_id=camera_id, limit=_WITNESSES)
        versions = await self._database.read(latest)
        sightings = await _in_thread(partial(disk.look_at, self._places.root, versions))
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
        sightings = await _in_thread(partial(disk.look_at, self._places.root, versions))
        others = {each.other for each in sightings if each.other is not None}
        known = await self._database.read(partial(stored.known, versions=others)) if others else ()
        return {
            row.id: _fate(sighting, seen, is_superseded=sighting.other in known)
            for row, sighting in zip(rows, sightings, strict=True)
        }

    async def _do(self, work: Work, plan: Plan) -> None:
        if not len(work):
            return
        if self._is_dry_run:
            self._tell_of_rows(work)
            for row in work.rows_with_files():
                self._tell(items_of_file(row, plan))
            return
        try:
            done = await self._database.write(partial(delete_rows, work=work, plan=plan))
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
            await self._database.write(partial(stored.forget, upload_ids=unknown))
        for row in gone:
            self._tell(items_of_file(row, plan))

    async def _delete_file(self, row: LedgerRow) -> bool:
        delete = partial(disk.delete_original, self._places.root, row.version)
        return await _in_thread(delete)

    async def _sweep_dead_letters(self, plan: Plan) -> None:
        after: tuple[str, float, str] | None = None
        while await self._may_go_on():
            load = partial(stored.old_dead_letters, died_before=plan.expires_before, limit=_PAGE)
            letters = await self._database.read(partial(load, after=after))
            if not letters:
                return
            after = letters[-1]
            if not self._is_dry_run:
                delete = partial(stored.delete_dead_letters, letters=letters)
                await self._database.write(delete)
            self._tell(
                Item(Kind.DEAD_LETTER, f"{queue}/{id_}", Reason.AGE) for queue, _, id_ in letters
            )

    async def _give_back(self) -> None:
        for _ in range(_MOST_GIVEN_BACK):
            left = await self._database.write(
                partial(space.give_back, most_pages=_PAGES_GIVEN_BACK)
            )
            if not left or not await self._may_go_on():
                return

    async def _may_go_on(self) -> bool:
        self._is_complete = self._is_complete and await self._breathe()
        return self._is_complete

    def _tell_of_rows(self, work: Work) -> None:
        for chosen in work.cases:
            self._tell(items_of_case(chosen))
        for row, action in work.all_rows():
            self._tell(items_of_row(row, action))

    def _tell(self, items: Iterable[Item]) -> None:
        for item in items:
            self._counts[item.kind] += 1
            self._report(item)


def _situation(
    beginning: stored.Beginning,
    room: space.DatabaseSpace,
    histories: dict[str, int],
    places: Places,
    now: datetime,
) -> Situation:
    return Situation(
        now=now,
        first_arrival=beginning.first_arrival,
        oldest_capture=beginning.oldest_capture,
        has_forgotten=beginning.has_forgotten,
        database_bytes=room.in_use + space.log_size(places.database),
        spare_bytes=room.spare,
        returns_space=room.is_returnable,
        free_bytes=disk.free_bytes(places),
        histories=histories,
        logs=disk.logs_put_aside(places),
    )


def _fate(sighting: Sighting, seen: frozenset[str], *, is_superseded: bool) -> FileFate:
    """Return what to believe: a file is gone only from a folder that is surely mounted.

    It is gone as well where the ledger knows what lies in its place by now.
    """
    if is_superseded:
        return FileFate.GONE
    if sighting.fate is FileFate.GONE and disk.top_of(sighting.version) not in seen:
        return FileFate.UNKNOWN
    return sighting.fate


async def _in_thread(call: Callable[[], T]) -> T:
    return await trio.to_thread.run_sync(call, abandon_on_cancel=True)
