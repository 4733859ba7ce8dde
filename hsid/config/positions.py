"""On which line of a TOML document each key stands.

The parser of the standard library tells values, not places. So a document that it has found valid
is cut at the line ends outside of strings and brackets, and the parser is asked again for the keys
of each piece: strings or arrays over several lines can't be mistaken for keys. The work is in
proportion to the document's length. Pure.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
      \"{3} (?: \\. | [^\\] )*? \"{3,5}  # two of the quotes may be the string's own
    | '{3} .*? '{3,5}
    | \" (?: \\. | [^\"\\] )* \"
    | ' [^']* '
    | \# [^\n]*
    | [\[\]{}\n]
    """,
    re.VERBOSE | re.DOTALL,
)
"""Whatever can keep a line end from ending a statement, and the line ends themselves."""


def key_positions(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, on which each key and table of the valid *text* begins."""
    positions: dict[KeyPath, int] = {}
    tables: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, statement in _statements(text):
        content = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _table_path(content, tables)
            positions.setdefault(table, line)
            positions.setdefault(table[:1], line)
        else:
            for path in _paths(content):
                positions.setdefault(table + path, line)
    return positions


def position_of(positions: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of *path*, or of the closest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if (line := positions.get(path[:length])) is not None:
            return line
    return None


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each table header and each assignment with the number of its first line."""
    start = depth = 0
    line = 1
    for token in _TOKEN.finditer(f"{text}\n"):
        first = token[0][0]
        depth += (first in "[{") - (first in "]}")
        # not splitlines(): TOML ends a line at a line feed alone
        if first == "\n" and depth == 0:
            statement = text[start : token.start()]
            if statement.strip() and not statement.lstrip().startswith("#"):
                yield line, statement
            line += statement.count("\n") + 1
            start = token.end()


def _table_path(header: Mapping[str, object], tables: dict[KeyPath, int]) -> KeyPath:
    """Return the path that *header* opens, counting the tables of one array in *tables*."""
    path: KeyPath = ()
    value: object = header
    while isinstance(value, dict) and value:
        name, value = next(iter(value.items()))
        path += (name,)
    if isinstance(value, list):
        tables[path] = tables.get(path, -1) + 1
    # [a.b] below [[a]] speaks of the latest a
    full: KeyPath = ()
    for part in path:
        full += (part,)
        if full in tables:
            full += (tables[full],)
    return full


def _paths(content: object) -> Iterator[KeyPath]:
    """Yield the path of every key inside *content*."""
    if isinstance(content, dict):
        parts: Iterator[tuple[str | int, object]] = iter(content.items())
    elif isinstance(content, list):
        parts = iter(enumerate(content))
    else:
        return
    for name, value in parts:
        yield (name,)
        for path in _paths(value):
            yield (name, *path)
