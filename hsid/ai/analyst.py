"""What an analyst is given and what it gives back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hsid.model import Batch, Camera, DetectionRecord, Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """A batch as put before an analyst. *detections* are in order of capture."""

    batch: Batch
    camera: Camera
    started_local: datetime
    """When the first detection was captured, on the clock of the camera's zone."""
    detections: tuple[DetectionRecord, ...]
    usual_per_day: float | None = None
    """How often this camera sees the main class in this hour of such a day; None: not known yet."""


class Analyst(Protocol):
    """Judges batches."""

    @property
    def name(self) -> str:
        """What the log, the metrics and the event call it."""
        ...

    async def judge(self, case: Case) -> Verdict:
        """Return a verdict that the detections of *case* account for."""
        ...
