"""What is asked of a store that holds years, and how long each answer takes."""

import time
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, text

from benchmarks import _store_years as years
from hsid.model import EventState, Severity
from hsid.store import retention
from hsid.store.database import Database, ReadOnlyDatabase
from hsid.store.search import EventQuery, search, statistics

Question: TypeAlias = Callable[[Connection, int], object]
"""Asks a database that has so many events."""

PAGE = 50
PORTION = 200
"""Uploads that retention takes at once."""
_ROUNDS = 30
_LONG_ENOUGH_S = 1.5

_WEEK: Final[dict[str, Any]] = {"since": years.LATEST - timedelta(days=7)}
_SPAN: Final[dict[str, Any]] = {
    "since": years.LATEST - timedelta(days=60),
    "until": years.LATEST - timedelta(days=50),
}


def _page(**asked: Any) -> Question:
    return lambda conn, _count: search(conn, EventQuery(**asked), PAGE)


def _page_deep_inside(**asked: Any) -> Question:
    """Return the question for the page that begins where nine tenths of the events are past."""
    return lambda conn, count: search(
        conn, EventQuery(**asked), PAGE, years.event_id(count * 9 // 10)
    )


def _counts(**asked: Any) -> Question:
    return lambda conn, _count: statistics(conn, EventQuery(**asked), UTC)


QUESTIONS: Final[dict[str, Question]] = {
    "timeline": _page(),
    "timeline, deep inside": _page_deep_inside(),
    "camera": _page(camera_id="driveway"),
    "camera, deep inside": _page_deep_inside(camera_id="driveway"),
    "camera, rare": _page(camera_id=years.RARE_CAMERA),
    "level": _page(level=Severity.LOW),
    "level, rare": _page(level=Severity.CRITICAL),
    "label": _page(label="person"),
    "label, deep inside": _page_deep_inside(label="person"),
    "label, rare": _page(label=years.RARE_LABEL),
    "label, three times": _page(label=years.ODD_LABEL),
    "label, never": _page(label="unicorn"),
    "state final": _page(state=EventState.FINAL),
    "state provisional": _page(state=EventState.PROVISIONAL),
    "span": _page(**_SPAN),
    "word": _page(words="person"),
    "word, deep inside": _page_deep_inside(words="person"),
    "word, rare": _page(words=years.RARE_WORD),
    "word, three times": _page(words=years.ODD_WORD),
    "word, never": _page(words="unicorn"),
    "words": _page(words="person car"),
    "words, one rare": _page(words=f"person {years.RARE_WORD}"),
    "camera and level": _page(camera_id="street", level=Severity.HIGH),
    "camera and label": _page(camera_id="garage", label="dog"),
    "camera and label, rare": _page(camera_id="driveway", label=years.RARE_LABEL),
    "camera, rare, and label": _page(camera_id=years.RARE_CAMERA, label="person"),
    "camera, level and label": _page(camera_id="driveway", level=Severity.MEDIUM, label="cat"),
    "camera and word": _page(camera_id="garage", words="person"),
    "camera, rare, and word": _page(camera_id=years.RARE_CAMERA, words="person"),
    "camera and word, rare": _page(camera_id="driveway", words=years.RARE_WORD),
    "label and word": _page(label="car", words="person"),
    "level and span": _page(level=Severity.HIGH, **_SPAN),
    "word and span": _page(words="person", **_SPAN),
    "counts of a week": _counts(**_WEEK),
    "counts of a camera's week": _counts(camera_id="driveway", **_WEEK),
    "counts of a label's week": _counts(label="person", **_WEEK),
    "counts of a word's week": _counts(words="person", **_WEEK),
    "counts of a word, three times": _counts(words=years.ODD_WORD),
}
RETENTION: Final = "retention, a portion"
COUNTS_OF_ALL: Final = "counts of all"
"""Reads all that there is: it is told of, and has no goal."""


def ask(reader: ReadOnlyDatabase, count: int) -> dict[str, float]:
    """Return the middle of the milliseconds that each question takes, of *count* events."""
    with reader.snapshot() as conn:
        asked = {**QUESTIONS, COUNTS_OF_ALL: _counts()}
        return {name: _timed(lambda each=each: each(conn, count)) for name, each in asked.items()}


def retain(database: Database) -> float:
    """Return the middle of the milliseconds that retention takes for a portion; undo it."""
    with database.transaction() as conn:
        return _timed(lambda: _retain(conn))


def _retain(conn: Connection) -> None:
    conn.execute(text("SAVEPOINT portion"))
    page = retention.load_page(conn, "driveway", after=None, before=years.LATEST, limit=PORTION)
    retention.delete_cases(conn, [case.case.batch_id for case in page.cases])
    ids = [row.id for row in page.rows]
    retention.strip(conn, ids, claimed_before=years.LATEST)
    retention.forget(conn, ids)
    conn.execute(text("ROLLBACK TO portion"))


def _timed(work: Callable[[], object]) -> float:
    work()
    laps: list[float] = []
    while len(laps) < _ROUNDS and sum(laps) < _LONG_ENOUGH_S:
        began = time.perf_counter()
        work()
        laps.append(time.perf_counter() - began)
    return 1000 * sorted(laps)[len(laps) // 2]
