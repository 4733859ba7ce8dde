"""The documents about what is logged, and how long things take."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from hsid.api.models import Document

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
