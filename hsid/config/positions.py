"""On which line of a TOML document each key stands.

The parser of the standard library tells values, not places. This finds them with that same parser:
a valid document is cut into the shortest pieces that are valid by themselves, so strings or arrays
over several lines can't be mistaken for keys. Pure.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]


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
    pending: list[str] = []
    first = 1
    # not splitlines(): TOML ends a line at a line feed alone
    for number, line in enumerate(text.split("\n"), start=1):
        if not pending:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            first = number
        pending.append(line)
        statement = "\n".join(pending)
        if _is_valid(statement):
            yield first, statement
            pending = []


def _is_valid(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


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
