"""From a page of rows to what is to be done with them, and the words for it. Pure."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias, assert_never

from hsid.media.names import OfBatch, OfUpload, Origin
from hsid.retention_policy.decision import (
    Case,
    FileFate,
    LedgerRow,
    Plan,
    Reason,
    RowAction,
    judge_row,
)

JudgedRows: TypeAlias = tuple[tuple[LedgerRow, RowAction], ...]


class Kind(StrEnum):
    """What is deleted."""

    EVENT = "event"
    BATCH = "batch"
    """With all its detections."""
    DETAILS = "details"
    """Of an upload, whose row stays as its file is there."""
    UPLOAD = "upload"
    """The row of an upload whose file is gone."""
    FILE = "file"
    """A camera's own."""
    LOG = "log"
    LOG_LINE = "log_line"
    """In the database; told by the page."""
    CHANGE = "change"
    """Of the record of who changed what; told by the page."""
    BACKUP = "backup"
    """Made before a migration."""
    MEDIUM = "medium"
    """A thumbnail or a clip."""
    DEAD_LETTER = "dead_letter"
    LEFTOVER = "leftover"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that goes, or has gone; *count* of them where they are told together."""

    kind: Kind
    name: str
    reason: Reason
    camera_id: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class ChosenCase:
    """A case that goes, its rows, and what becomes of those that go with it."""

    case: Case
    event_id: int | None
    reason: Reason
    rows: JudgedRows


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done in one transaction, and the files after it."""

    cases: tuple[ChosenCase, ...] = ()
    rows: JudgedRows = ()

    def __len__(self) -> int:
        return len(self.cases) + len(self.rows)

    def halves(self) -> tuple["Work", "Work"]:
        """Return it in two, neither of them empty if there are two things to do."""
        cases, rows = (len(self.cases) + 1) // 2, len(self.rows) // 2
        return (
            Work(self.cases[:cases], self.rows[:rows]),
            Work(self.cases[cases:], self.rows[rows:]),
        )

    def only(self, upload_ids: AbstractSet[int]) -> "Work":
        """Return it without what it would do to the rows of other uploads."""
        cases = (replace(chosen, rows=_among(chosen.rows, upload_ids)) for chosen in self.cases)
        return Work(tuple(cases), _among(self.rows, upload_ids))

    def rows_with_files(self) -> Iterator[LedgerRow]:
        """Yield the rows whose files go."""
        return (row for row, action in self.all_rows() if action is RowAction.DELETE_FILE)

    def all_rows(self) -> Iterator[tuple[LedgerRow, RowAction]]:
        """Yield each row that something becomes of."""
        for chosen in self.cases:
            yield from chosen.rows
        yield from self.rows


def rows_of(
    rows: tuple[LedgerRow, ...], fates: Mapping[int, FileFate], plan: Plan, *, case_goes: bool
) -> JudgedRows:
    """Return what becomes of *rows*; those that stay as they are are left out."""
    judged = (
        (row, judge_row(row, fates.get(row.id, FileFate.UNKNOWN), plan, case_goes=case_goes))
        for row in rows
    )
    return tuple((row, action) for row, action in judged if action is not RowAction.KEEP)


def items_of_case(chosen: ChosenCase) -> Iterator[Item]:
    """Yield what goes with a case, its rows aside."""
    case = chosen.case
    if chosen.event_id is not None:
        yield Item(Kind.EVENT, str(chosen.event_id), chosen.reason, case.camera_id)
    yield Item(Kind.BATCH, case.batch_id, chosen.reason, case.camera_id)


def items_of_row(row: LedgerRow, action: RowAction) -> Iterator[Item]:
    """Yield what goes of a row before any file does."""
    match action:
        case RowAction.KEEP:
            return
        case RowAction.STRIP | RowAction.DELETE_FILE:
            if not row.is_bare:
                yield _item(Kind.DETAILS, str(row.id), row)
        case RowAction.FORGET:
            yield _item(Kind.UPLOAD, str(row.id), row)
        case _:
            assert_never(action)


def items_of_file(row: LedgerRow, plan: Plan) -> Iterator[Item]:
    """Yield what goes with a camera's own file: itself, and the row unless it is still needed."""
    yield _item(Kind.FILE, row.version.path, row)
    if row.received_at < plan.unknown_before:
        yield _item(Kind.UPLOAD, str(row.id), row)


def origin_of_item(item: Item) -> Origin | None:
    """Return what thumbnails and clips were made from, if that goes with *item*."""
    match item.kind:
        case Kind.BATCH:
            return OfBatch(item.name)
        case Kind.DETAILS | Kind.UPLOAD:
            return OfUpload(int(item.name))
        case _:
            return None


def _item(kind: Kind, name: str, row: LedgerRow) -> Item:
    return Item(kind, name, Reason.AGE, row.camera_id)


def _among(rows: JudgedRows, upload_ids: AbstractSet[int]) -> JudgedRows:
    return tuple((row, action) for row, action in rows if row.id in upload_ids)
