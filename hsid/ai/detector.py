"""What a detector is, and the ways in which it can fail.

Whose fault a failure is decides what follows: a picture that can't be read is refused, a service
that is away is tried again, and no failure ever reads as "nothing seen".
"""

from dataclasses import dataclass
from typing import Protocol

from hsid.model import DetectionResult


class DetectorError(Exception):
    """The detector failed, not the picture: the upload is tried again."""


class DetectorUnavailableError(DetectorError):
    """The service can't be reached, is overloaded or answers 5xx."""


class DetectorTimeoutError(DetectorError):
    """The service took the picture and gave no answer in time: slow, not down."""


class DetectorReplyError(DetectorError):
    """The service answered with something outside its contract."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on its way to a detector. *content* is the file as it lay on disk."""

    name: str
    content: bytes
    mime_type: str


class Detector(Protocol):
    """Finds objects in pictures."""

    @property
    def name(self) -> str:
        """What the log and the metrics call it."""
        ...

    @property
    def concurrency(self) -> int:
        """How many pictures it can usefully be given at a time."""
        ...

    async def detect(self, picture: Picture) -> DetectionResult:
        """Return all that it finds, unfiltered, boxes in pixels of the upright original.

        Raise `RefusedError` for a picture that can't be read, `DetectorError` otherwise.
        Cancellation ends the work, in a worker process or on the wire.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections and processes."""
        ...
