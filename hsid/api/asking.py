"""What may be asked about events: the parameters of the API, and of the commands that read a file.

A parameter that there is not is refused, not passed over: a filter with a slip in its name must not
give everything.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from hsid.ai.filtering import normalise_label
from hsid.model import EventState, Severity
from hsid.store.search import EventQuery

MOST_EVENTS = 200
"""Largest page: what can be written in one go without holding up the event loop."""
LARGEST_ID = 2**63 - 1
"""Largest integer that both databases hold."""
_LONGEST_TEXT = 400


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""In UTC, as everywhere in hsid. Not with pydantic's own zone, whose end it can't survive: one that
is alive when the interpreter goes reads memory that is free by then (pydantic issue 12867)."""

_Name = Annotated[str, Field(max_length=_LONGEST_TEXT)]


class EventFilter(BaseModel):
    """Which events are meant: those that fit all that is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera: _Name | None = Field(None, description="Id of a camera.")
    level: Severity | None = Field(None, description="Exactly this level.")
    label: _Name | None = Field(None, description="A class that was seen, person say.")
    since: Moment | None = Field(None, description="Begun at this time or later.")
    until: Moment | None = Field(None, description="Begun before this time.")
    state: EventState | None = Field(None, description="Whether a better verdict is to come.")
    starred: bool | None = Field(None, description="Whether it has a star.")
    q: Annotated[str, Field(min_length=1, max_length=_LONGEST_TEXT)] | None = Field(
        None, description="Words that are all in the summary."
    )

    @field_validator("until")
    @classmethod
    def _has_a_span(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        since = info.data.get("since")
        if since and until and until <= since:
            raise ValueError("must be later than since")
        return until

    @property
    def query(self) -> EventQuery:
        """What the store is asked."""
        return EventQuery(
            camera_id=self.camera,
            level=self.level,
            label=None if self.label is None else normalise_label(self.label),
            since=self.since,
            until=self.until,
            state=self.state,
            is_starred=self.starred,
            words=self.q,
        )


class EventListing(EventFilter):
    """Which page of them is meant."""

    limit: int = Field(20, ge=1, le=MOST_EVENTS, description="How many at most.")
    before: int | None = Field(
        None, ge=1, le=LARGEST_ID, description="Id of an event: only those after it."
    )


def in_words(faults: Iterable[Mapping[str, Any]]) -> str:
    """Return what is wrong with parameters, as pydantic lists it, and what is to be written."""
    return "; ".join(f"{fault['loc'][-1]}: {_reason(fault)}" for fault in faults)


def _reason(fault: Mapping[str, Any]) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")
