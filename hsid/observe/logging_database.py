"""The log on its way into the database: a handler that only puts lines down, and where they wait.

Guarantees that who logs never waits for the database, and that what waits is bounded: the oldest
lines give way, and are counted. The lines that storing lines causes are not among them. Who carries
them into the store is the actor `log_writer`.
"""

import json
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import RLock
from typing import Final

from hsid.observe.logging_format import FIRST, fields_of, loss_of
from hsid.observe.logging_handlers import FailsAlone

MOST_LINES: Final = 10_000
MOST_CHARACTERS: Final = 8_000_000

_NOT_STORED: Final = ("actors.log_writer", "sqlalchemy", "psycopg")
"""Loggers, with those below them, that may speak about the storing of lines."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the log. *level* is a number of Python's logging, *fields* is fit for JSON."""

    recorded_at: datetime
    level: int
    logger: str
    event: str
    fields: Mapping[str, object]


class LineBacklog:
    """Lines that wait to be stored. Any thread adds, one takes."""

    def __init__(
        self, most_lines: int = MOST_LINES, most_characters: int = MOST_CHARACTERS
    ) -> None:
        self._most_lines = most_lines
        self._most_characters = most_characters
        self._waiting: deque[tuple[LogLine, int]] = deque()
        self._taken: list[tuple[LogLine, int]] = []
        self._characters = 0
        self._dropped = 0
        self._lock = RLock()  # a signal's handler may log while its thread is in here

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def dropped(self) -> int:
        """How many lines gave way or were given up, since the start."""
        return self._dropped

    def add(self, line: LogLine, characters: int) -> None:
        """Have *line* wait, too; *characters* is about how much it takes."""
        with self._lock:
            self._waiting.append((line, characters))
            self._characters += characters
            self._trim()

    def take(self, limit: int) -> list[LogLine]:
        """Take up to *limit* lines, oldest first; what was taken before counts as done."""
        with self._lock:
            count = min(limit, len(self._waiting))
            self._taken = [self._waiting.popleft() for _ in range(count)]
            self._characters -= sum(characters for _, characters in self._taken)
            return [line for line, _ in self._taken]

    def put_back(self) -> None:
        """Have what was taken wait again, in its place."""
        with self._lock:
            self._waiting.extendleft(reversed(self._taken))
            self._characters += sum(characters for _, characters in self._taken)
            self._taken = []
            self._trim()

    def give_up(self) -> None:
        """Count what was taken as lost: it can't be stored."""
        with self._lock:
            self._dropped += len(self._taken)
            self._taken = []

    def _trim(self) -> None:
        while len(self._waiting) > self._most_lines or self._characters > self._most_characters:
            _, characters = self._waiting.popleft()
            self._characters -= characters
            self._dropped += 1


WAITING_LINES: Final = LineBacklog()
"""Those of this process. They outlive handlers, which a reload replaces."""


class DatabaseHandler(FailsAlone):
    """Puts lines from *level* on into *backlog*; what belongs to them stays apart, by name.

    So camera_id, event_id, detection_id, duration_ms, request_id and all other fields can be asked
    for.
    """

    def __init__(self, level: int | str, backlog: LineBacklog = WAITING_LINES) -> None:
        super().__init__(level)
        self.name = "database"
        self._backlog = backlog

    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out what the storing of lines itself may cause: it would never end."""
        if any(record.name == name or record.name.startswith(f"{name}.") for name in _NOT_STORED):
            return False
        return super().filter(record)

    def write(self, record: logging.LogRecord) -> None:
        """Put the line of *record* down."""
        fields = fields_of(record)
        try:
            characters = len(json.dumps(fields))
        except ValueError as error:  # what JSON can't hold the database can't
            fields = loss_of(record, error)
            characters = len(str(fields))
        self._backlog.add(_line(record, fields), characters)


def _line(record: logging.LogRecord, fields: Mapping[str, object]) -> LogLine:
    return LogLine(
        recorded_at=datetime.fromtimestamp(record.created, UTC),
        level=record.levelno,
        logger=str(fields["logger"]),
        event=str(fields["event"]),
        fields={key: value for key, value in fields.items() if key not in FIRST},
    )
