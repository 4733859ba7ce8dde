"""The three kinds of children: which of them come back."""

from enum import StrEnum


class Restart(StrEnum):
    """When a child is started again after it ended by itself."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Only after an abnormal end."""
    TEMPORARY = "temporary"
    """Never; its spec goes with it."""
