"""Cases in few words, and ways to draw them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from hsid.ai.analyst import Case
from hsid.ai.rules import score
from hsid.ai.severity import SeverityThresholds, severity_of
from hsid.model import (
    Batch,
    BatchState,
    Box,
    Camera,
    Detection,
    DetectionRecord,
    Place,
    Severity,
)

SIDE = 1000
LABELS = ["person", "car", "truck", "bicycle", "cat", "bird", "umbrella"]


@dataclass(frozen=True)
class Row:
    """A detection; rows of one *after_s* are of one picture."""

    label: str = "person"
    after_s: int = 0
    confidence: float = 0.9
    area_share: float = 0.1


@dataclass(frozen=True)
class Story:
    """All that a score may depend on."""

    rows: tuple[Row, ...] = (Row(),)
    place: Place | None = Place.ENTRANCE
    minute: int = 2 * 60 + 13
    usual_per_day: float | None = None
    camera_name: str = "Front door"

    def case(self) -> Case:
        start = datetime(2026, 11, 3, tzinfo=UTC) + timedelta(minutes=self.minute)
        rows = sorted(self.rows, key=lambda row: row.after_s)
        records = tuple(self._record(start, number, row) for number, row in enumerate(rows))
        end = records[-1].captured_at if records else start
        batch = Batch("b1", "porch", BatchState.CLOSED, 1, start, end)
        camera = Camera("porch", self.camera_name, self.place)
        return Case(batch, camera, start, records, self.usual_per_day)

    def _record(self, start: datetime, number: int, row: Row) -> DetectionRecord:
        box = Box(0, 0, SIDE, round(SIDE * row.area_share))
        found = Detection(row.label, row.confidence, box)
        at = start + timedelta(seconds=row.after_s)
        return DetectionRecord(number, row.after_s, at, found, SIDE, SIDE)

    @property
    def score(self) -> int:
        return score(self.case()).score

    @property
    def level(self) -> Severity:
        return severity_of(self.score, SeverityThresholds())


def with_row(story: Story, at: int, **changes: float) -> Story:
    rows = list(story.rows)
    rows[at] = replace(rows[at], **changes)
    return replace(story, rows=tuple(rows))


share = st.floats(0, 1)
usual = st.none() | st.floats(0, 100)
rows = st.builds(Row, st.sampled_from(LABELS), st.integers(0, 120), share, share)
stories = st.builds(
    Story,
    st.lists(rows, min_size=1, max_size=8).map(tuple),
    st.none() | st.sampled_from(Place),
    st.integers(0, 24 * 60 - 1),
    usual,
)
