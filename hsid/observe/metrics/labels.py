"""Values of labels: few, and such that every page can hold them.

Each new value is a new series for ever, in this process and in Prometheus. So what comes from
outside (names of folders, texts of errors) passes through here first. Pure.
"""

from collections.abc import Iterable

OTHER = "other"
"""Stands for all values that got no series of their own."""

MOST_CAMERAS = 64
"""Beyond those that the configuration names, which its owner has counted."""


class BoundedLabel:
    """Lets what was let in and the first *most* strangers through; all others are `OTHER`."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._known: dict[str, str] = {}

    def admit(self, values: Iterable[str]) -> None:
        """Let *values* in, however many, and take no stranger's place for them."""
        self._known.update((value, _printable(value)) for value in values)

    def of(self, value: str) -> str:
        """Return what stands for *value* on a page."""
        found = self._known.get(value)
        if found is not None:
            return found
        if not self._left:
            return OTHER
        self._left -= 1
        return self._known.setdefault(value, _printable(value))


def _printable(value: str) -> str:
    """Return *value* in characters that UTF-8 has; a lone surrogate would cost the whole page."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")
