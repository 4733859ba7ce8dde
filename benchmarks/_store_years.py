"""Years of events, made up in a moment: a database as a house has it after a long time."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert, text

from hsid.model import AnalysisKind, BatchState, EventState, Severity
from hsid.store.schema import batches, cameras, events

CAMERAS = ("front_door", "driveway", "back_yard", "street")
RARE_WORD = "ladder"
RARE = 1_000
"""One event in so many has the rare word."""
LATEST = datetime(2026, 11, 1, tzinfo=UTC)

_APART = timedelta(minutes=7)
_LEVELS = (*[Severity.LOW] * 6, Severity.MEDIUM, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
_LABELS = ("person", "cat", "car", "dog", "bicycle")
_PORTION = 2_000


def fill(conn: Connection, first: int, count: int) -> None:
    """Add the events with the numbers from *first* on, the higher the older."""
    if first == 0:
        conn.execute(insert(cameras), [{"id": name, "name": name} for name in CAMERAS])
    numbers = iter(range(first, first + count))
    while portion := list(islice(numbers, _PORTION)):
        conn.execute(insert(batches), [batch_row(number) for number in portion])
        conn.execute(insert(events), [event_row(number) for number in portion])


def analyze(conn: Connection) -> None:
    """Have the database look at what it holds, as it does by itself in the course of time."""
    conn.execute(text("ANALYZE"))


def raw_rows(first: int, count: int) -> Iterator[tuple[Sequence[Any], Sequence[Any]]]:
    """Yield a batch and its event as a driver takes them, times as text."""
    for number in range(first, first + count):
        yield (
            tuple(map(_plain, batch_row(number).values())),
            tuple(map(_plain, event_row(number).values())),
        )


def _plain(value: object) -> object:
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


def batch_row(number: int) -> dict[str, Any]:
    """Return the batch of this number, by columns."""
    started_at = LATEST - number * _APART
    return {
        "id": f"batch-{number}",
        "camera_id": CAMERAS[number % len(CAMERAS)],
        "state": BatchState.CLOSED.value,
        "revision": 1,
        "started_at": started_at,
        "ended_at": started_at + timedelta(seconds=40),
    }


def event_row(number: int) -> dict[str, Any]:
    """Return the event of this number, by columns."""
    batch = batch_row(number)
    label = _LABELS[number % len(_LABELS)]
    with_what = f" with a {RARE_WORD}" if number % RARE == 0 else ""
    return {
        "batch_id": batch["id"],
        "camera_id": batch["camera_id"],
        "started_at": batch["started_at"],
        "ended_at": batch["ended_at"],
        "risk_score": number % 101,
        "risk_level": _LEVELS[number % len(_LEVELS)].value,
        "summary": f"{batch['camera_id']}: a {label}{with_what} was seen at {number % 24:02}:13.",
        "reasoning": "made up for a measurement " * 4,
        "analysis": AnalysisKind.RULES.value,
        "analyst": "rules",
        "state": EventState.FINAL.value,
        "revision": 1,
        "created_at": batch["ended_at"],
        "updated_at": batch["ended_at"],
    }
