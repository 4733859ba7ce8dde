"""What the actors send each other.

A job crosses a durable queue, so it has a JSON form and a deterministic id: putting it twice is
putting it once. A notice crosses a memory channel only; losing one costs time, never work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class DetectionJob:
    """Have a detector look at one upload."""

    upload_id: int

    @property
    def id(self) -> str:
        """Return the id of this job's queue entry."""
        return f"upload:{self.upload_id}"

    def payload(self) -> dict[str, int | str]:
        """Return the JSON form."""
        return {"upload_id": self.upload_id}

    @classmethod
    def from_payload(cls, payload: Mapping[str, int | str]) -> Self:
        """Read the JSON form; raise `KeyError` or `ValueError` for any other."""
        return cls(int(payload["upload_id"]))


@dataclass(frozen=True, slots=True)
class AnalysisJob:
    """Have an analyst judge one revision of one batch."""

    batch_id: str
    revision: int

    @property
    def id(self) -> str:
        """Return the id of this job's queue entry."""
        return f"batch:{self.batch_id}:{self.revision}"

    def payload(self) -> dict[str, int | str]:
        """Return the JSON form."""
        return {"batch_id": self.batch_id, "revision": self.revision}

    @classmethod
    def from_payload(cls, payload: Mapping[str, int | str]) -> Self:
        """Read the JSON form; raise `KeyError` or `ValueError` for any other."""
        return cls(str(payload["batch_id"]), int(payload["revision"]))
