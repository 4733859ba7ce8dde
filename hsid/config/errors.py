"""What is wrong with a configuration, in words that its owner can act on.

`str()` of each error is ready to show: one line a problem, in the form `place: key: what is wrong`.
No line holds a secret.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right: *where* it stands, which *key* it is about, and what to do."""

    where: str
    key: str | None
    message: str

    def __str__(self) -> str:
        parts = (
            (self.where, self.message) if self.key is None else (self.where, self.key, self.message)
        )
        return ": ".join(parts)


class ConfigError(Exception):
    """The configuration can't be used. Commands show it and exit with 78."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class SourceError(ConfigError):
    """A file or folder that holds settings can't be read at all; correct it or name another."""


class InvalidSettingsError(ConfigError):
    """Settings were read, and some are unknown or have values that they may not have."""


def unreadable(path: object, error: OSError | UnicodeDecodeError) -> SourceError:
    """Return the error for a source that exists and can't be read as text."""
    reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
    return SourceError([Problem(str(path), None, f"can't be read: {reason}")])


def unknown_key(name: str, known: Iterable[str]) -> str:
    """Return what to say about a key that nobody knows."""
    spellings = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), list(spellings), n=1, cutoff=0.6)
    if not close:
        return "unknown key, remove it"
    return f'unknown key, did you mean "{spellings[close[0]]}"?'
