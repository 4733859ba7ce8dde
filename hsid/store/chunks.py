"""Long lists of ids, cut into pieces that one statement can take."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_LENGTH = 500  # SQLite takes 32,766 parameters, older ones 999


def chunks(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield *ids* in pieces, none of them empty."""
    for start in range(0, len(ids), _LENGTH):
        yield ids[start : start + _LENGTH]
