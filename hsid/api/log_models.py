"""The documents about what is logged, and how long things take."""

import logging
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from hsid.api.asking import Moment
from hsid.api.models import Document
from hsid.observe.logging_database import LogLine
from hsid.store.logs import LogQuery

Level: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class LevelAsked(BaseModel):
    """From which level on a logger is to log."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Level
    logger: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="With all below it; unless given, the one above all others."
    )
    for_seconds: Annotated[float, Field(gt=0, le=7 * 86_400)] | None = Field(
        None, description="Then it is as before."
    )


class LevelReport(Document):
    """A logger that has a level of its own."""

    logger: str
    level: str
    seconds_left: float | None = None
    """Until it is set back; None if nobody does."""


class LevelList(Document):
    """The loggers that have a level of their own; all others log as the one above them."""

    levels: tuple[LevelReport, ...]


class StageReport(Document):
    """How long one step of the way took; all but the count None where nothing was measured."""

    stage: str
    count: int
    avg_seconds: float | None
    min_seconds: float | None
    max_seconds: float | None
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


class LatencyReport(Document):
    """How long uploads took from step to step, on this node."""

    window_minutes: int
    stages: tuple[StageReport, ...]


class LogListing(BaseModel):
    """Which lines of the log are meant: those that fit all that is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Level | None = Field(None, description="At least this level.")
    logger: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="This one, and those below it."
    )
    camera: Annotated[str, Field(max_length=400)] | None = Field(None, description="Of this one.")
    since: Moment | None = Field(None, description="Logged at this time or later.")
    until: Moment | None = Field(None, description="Logged before this time.")
    limit: int = Field(50, ge=1, le=1000, description="How many at most.")

    @property
    def query(self) -> LogQuery:
        """What the store is asked."""
        return LogQuery(
            level=None if self.level is None else logging.getLevelNamesMapping()[self.level],
            logger=self.logger,
            camera_id=self.camera,
            since=self.since,
            until=self.until,
        )


class LineReport(Document):
    """A line of the log, as the database has it."""

    recorded_at: datetime
    level: str
    logger: str
    event: str
    fields: dict[str, Any]

    @classmethod
    def of(cls, line: LogLine) -> Self:
        """Return the document for *line*."""
        return cls(
            recorded_at=line.recorded_at,
            level=logging.getLevelName(line.level),
            logger=line.logger,
            event=line.event,
            fields=dict(line.fields),
        )


class LineList(Document):
    """Lines of the log, the latest first."""

    lines: tuple[LineReport, ...]
