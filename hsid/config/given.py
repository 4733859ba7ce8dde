"""A value as a source gave it, not yet looked at, with the place that it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hsid.config.positions import KeyPath

COMMAND_LINE = "command line"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Given:
    """One value and where it was given, in words: an environment name, a file with its line."""

    value: object
    origin: str
    inside: Mapping[KeyPath, str] = field(default_factory=dict)
    """Closer places for the parts of a nested value; paths begin with the setting's name."""

    def where(self, path: KeyPath) -> str:
        """Return the place of the part at *path*, or of the closest thing around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.inside:
                return self.inside[path[:length]]
        return self.origin
