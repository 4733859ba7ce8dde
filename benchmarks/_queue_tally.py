"""A table in shared memory in which processes note when they sent and handled each message.

A note is one store of a float, about a tenth of a microsecond, so that noting weighs on nobody.
The clock is the monotonic one, which all processes of a Linux machine share.
"""

import json
import mmap
import time
from enum import IntEnum
from pathlib import Path
from typing import Any

_SIZE = 8  # bytes of a float
_MESSAGE_BYTES = 200


class Mark(IntEnum):
    """The moments of a run as a whole."""

    READY = 0
    """The consumer listens."""
    BEGAN = 1
    """Before the first message was sent."""
    SENT = 2
    """The last send was confirmed."""
    ENDED = 3
    """The last message was handled and acknowledged."""


class Tally:
    """The table at *path*, for messages 0 to *count* - 1; `create` makes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("r+b") as file:
            self._table = memoryview(mmap.mmap(file.fileno(), 0)).cast("d")
        self.count = (len(self._table) - len(Mark)) // 2
        self._handled = self._table[len(Mark) : len(Mark) + self.count]
        self._sent = self._table[len(Mark) + self.count :]

    @classmethod
    def create(cls, path: Path, count: int) -> "Tally":
        """Return a new table in which nothing is noted."""
        path.write_bytes(bytes(_SIZE * (len(Mark) + 2 * count)))
        return cls(path)

    def mark(self, mark: Mark) -> None:
        """Note that the moment *mark* is now."""
        self._table[mark] = time.monotonic()

    def at(self, mark: Mark) -> float:
        """Return the moment *mark*; 0 while it has not come."""
        return self._table[mark]

    def note_sent(self, number: int) -> None:
        """Note that a message is about to be sent."""
        self._sent[number] = time.monotonic()

    def note_handled(self, number: int) -> None:
        """Note that a message's handler has it."""
        self._handled[number] = time.monotonic()

    def missing(self, first: int, last: int) -> int:
        """Return how many of the messages *first* to *last* - 1 were not handled yet."""
        return sum(not moment for moment in self._handled[first:last])

    def last_handled(self, first: int, last: int) -> float:
        """Return when the latest of the messages *first* to *last* - 1 was handled."""
        return max(self._handled[first:last])

    def latencies_ms(self) -> list[float]:
        """Return for each message the milliseconds from before its send to its handler."""
        pairs = zip(self._handled, self._sent, strict=True)
        return [1000 * (handled - sent) for handled, sent in pairs]


def message(number: int) -> dict[str, Any]:
    """Return a message of about 200 bytes as JSON."""
    return {"number": number, "body": _BODY}


_BODY = "x" * (_MESSAGE_BYTES - len(json.dumps({"number": 10_000, "body": ""})))
