"""The documents about the daemon as a whole, and what may be asked of it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hsid.api.models import Document


class Reloaded(Document):
    """What a reload did: names of settings."""

    applied: tuple[str, ...]
    """In force now."""
    needs_restart: tuple[str, ...]
    """Changed in the file, and not in force before the daemon is started anew."""


class DrainAsked(BaseModel):
    """How long to wait for what is in hand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    within_seconds: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        None, description="Unless given, drain_timeout_seconds."
    )


class Drained(Document):
    """Whether everything in hand was finished; the daemon takes no new work until it resumes."""

    finished: bool
    left: int
    """Entries that were not finished in time."""


class StopAsked(BaseModel):
    """How to stop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urgent: bool = Field(default=False, description="Finish nothing first.")


class Acknowledged(Document):
    """That it is being done, or was."""

    done: bool = True
