"""The values that must not be logged, known one by one: what the settings hold as secret.

Guarantees that a hidden value is masked wherever it stands in a text, as it is or in the spelling
of a URL, of JSON, of Python's `repr`, or line by line. One of less than 8 characters is masked only
where it stands as a word, as the name of a logger may well contain it; one of less than 4 not at
all, as it is in half of all words. Nothing that was hidden is ever shown again: who reads new
settings may still work with the old ones.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol, runtime_checkable
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

MASK = "***"

_SHORTEST: Final = 4
_SHORTEST_ANYWHERE: Final = 8
_LONG_PART: Final = 16
"""A part of a secret URL's path that is as long as this is taken for a key."""

_hidden: tuple[str, ...] = ()
"""Longest first, as one may hold another. Replaced as a whole: any thread may read it."""


@runtime_checkable
class _Secret(Protocol):
    """pydantic's `SecretStr`, which a process that reads no settings need not import."""

    def get_secret_value(self) -> str: ...


def hide(values: Iterable[str]) -> None:
    """Have each of *values* masked from now on."""
    global _hidden  # noqa: PLW0603 - what is secret is so for the whole process
    spellings = {spelling for value in values for spelling in _spellings(value)}
    known = spellings.union(_hidden)
    _hidden = tuple(sorted((each for each in known if len(each) >= _SHORTEST), key=_longest_first))


def mask_hidden(text: str) -> str:
    """Return *text* with every hidden value masked."""
    for value in _hidden:
        if value in text:
            text = _without(text, value)
    return text


def secrets_in(settings: object) -> Iterator[str]:
    """Return what *settings* hold as `SecretStr`, and the passwords in their URLs."""
    for value in vars(settings).values():
        yield from _secrets_of(value)


def _secrets_of(value: object) -> Iterator[str]:
    match value:
        case _Secret():
            secret = value.get_secret_value()
            yield secret
            yield from _secrets_of_url(secret, is_secret=True)
        case str():
            yield from _secrets_of_url(value, is_secret=False)
        case Mapping():
            for part in value.values():
                yield from _secrets_of(part)
        case list() | tuple() | set() | frozenset():
            for part in value:
                yield from _secrets_of(part)
        case _ if hasattr(value, "model_fields"):
            yield from secrets_in(value)


def _secrets_of_url(text: str, *, is_secret: bool) -> Iterator[str]:
    """Return what a URL holds: its password, and of one that is secret whatever points the way."""
    if "://" not in text or (url := _split(text)) is None:
        return
    if url.password:
        yield url.password
        yield unquote(url.password)
    for name, value in parse_qsl(url.query):
        if is_secret or re.search(r"pass|secret|token|key", name, re.IGNORECASE):
            yield value
    if is_secret and len(url.path) >= _SHORTEST_ANYWHERE:
        yield url.path
        for part in url.path.split("/"):
            if len(part) >= _LONG_PART:
                yield part
                yield unquote(part)


def _split(text: str) -> SplitResult | None:
    """Return the parts of a URL; None for text that only looks like one."""
    try:
        return urlsplit(text)
    except ValueError:
        return None


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield from value.splitlines()
    yield quote(value, errors="replace")
    yield quote(value, safe="", errors="replace")
    yield quote_plus(value, errors="replace")
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield ascii(value)[1:-1]
    yield repr(value.encode(errors="replace"))[2:-1]


def _longest_first(value: str) -> tuple[int, str]:
    return -len(value), value


def _without(text: str, value: str) -> str:
    if len(value) >= _SHORTEST_ANYWHERE:
        return text.replace(value, MASK)
    return re.sub(rf"(?<![\w-])(?<!\w\.){re.escape(value)}(?!\.?[\w-])", MASK, text)
