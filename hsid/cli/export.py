"""Events as files: CSV for spreadsheets, JSON and NDJSON for programs.

Written page by page, so that a house of any size needs the memory of one page. Where a page can't
be had the writing ends in the middle: JSON is not closed then, and the exit code says so.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from hsid.cli.client import Document
from hsid.cli.text import printable

Asked: TypeAlias = Mapping[str, str | int]
"""Parameters of `/v1/events`."""

COLUMNS: Final = (
    "event_id",
    "batch_id",
    "camera_id",
    "started_at",
    "ended_at",
    "risk_score",
    "risk_level",
    "analysis",
    "analyst",
    "state",
    "summary",
    "reasoning",
    "revision",
    "created_at",
    "updated_at",
    "starred",
)
"""Of the CSV, in this order: everything that a list of events has."""

_PAGE = 200
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes a cell for a formula by."""


def events(page: Callable[[Asked], Document], asked: Asked) -> Iterator[Document]:
    """Yield all events that *asked* means, latest first, asking for one *page* after the other."""
    document = page({**asked, "limit": _PAGE})
    yield from document["events"]
    while (before := document["next_before"]) is not None:
        document = page({**asked, "limit": _PAGE, "before": before})
        yield from document["events"]


def as_csv(found: Iterable[Document]) -> Iterator[str]:
    """Yield the lines of a CSV file: a header, then one event each.

    No cell is a formula or holds what a terminal obeys: an apostrophe stands before the one, the
    other is written as its code.
    """
    yield _csv_line(COLUMNS)
    for event in found:
        yield _csv_line(event[name] for name in COLUMNS)


def as_json(found: Iterable[Document]) -> Iterator[str]:
    """Yield the lines of one JSON array, an event each."""
    separator = "["
    for event in found:
        yield f"{separator}\n{json.dumps(event)}"
        separator = ","
    yield "[]\n" if separator == "[" else "\n]\n"


def as_ndjson(found: Iterable[Document]) -> Iterator[str]:
    """Yield one line of JSON an event."""
    return (f"{json.dumps(event)}\n" for event in found)


FORMATS: Final = {"csv": as_csv, "json": as_json, "ndjson": as_ndjson}


def _csv_line(values: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(map(_cell, values))
    return line.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    shown = printable(value)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
