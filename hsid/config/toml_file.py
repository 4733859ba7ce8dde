"""The TOML file: found, read, and each key traced to its line."""

import re
import tomllib
from collections.abc import Iterable
from errno import EFBIG
from pathlib import Path

from hsid.config.errors import Problem, SourceError, unknown_key, unreadable
from hsid.config.given import Given
from hsid.config.positions import key_positions, position_of

SEARCHED = (Path("hsid.toml"), Path("/etc/hsid/hsid.toml"))
"""Where the file is looked for unless it is named, in this order; the first that exists is it."""

_LARGEST = 1024 * 1024
"""Bytes; a path may lead to a device that never ends."""

_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_HINTS = (
    (
        "Invalid value",
        'text stands in quotes, as api_host = "127.0.0.1", and truth is true or false',
    ),
    ("Expected '=' after a key", "a line has the form key = value"),
    ("Cannot overwrite a value", "the key is given twice, remove one"),
    (
        "Cannot declare",
        "the table is given twice, remove one; cameras stand in double brackets: [[cameras]]",
    ),
    ("Unclosed array", "a list ends with ]"),
    ("Unterminated string", "text ends with the quote that it began with"),
    ("Expected newline or end of document after a statement", "each key has a line of its own"),
    ("Illegal character", "text stands on one line between quotes"),
    ("Unescaped '\\'", "write \\\\ for a backslash, or use single quotes"),
)


def find_config_file() -> Path | None:
    """Return the file to read when none was named."""
    return next((path for path in SEARCHED if _is_there(path)), None)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        return True  # so that reading it says why it can't be: it may not be passed over in silence


def read_toml(path: Path, known: Iterable[str]) -> tuple[dict[str, Given], list[Problem]]:
    """Read the file at *path*.

    Returns:
        What it gives of the settings in *known*, and a problem for each other key.

    Raises:
        SourceError: It can't be read, or isn't TOML.
    """
    try:
        # newlines stay as they are written, so that the parser sees what the file holds
        text = _read(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    return _sort(path, text, frozenset(known))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise OSError(EFBIG, f"larger than {_LARGEST} bytes, which no settings are")
    return content


def _sort(path: Path, text: str, known: frozenset[str]) -> tuple[dict[str, Given], list[Problem]]:
    content = _parse(path, text)
    positions = key_positions(text)
    given: dict[str, Given] = {}
    problems: list[Problem] = []
    for key, value in content.items():
        name = key.lower()
        where = f"{path}:{position_of(positions, (key,))}"
        if name not in known:
            problems.append(Problem(where, key, unknown_key(key, known)))
        elif name in given:
            problems.append(
                Problem(where, key, f"given before at {given[name].origin}, remove one")
            )
        else:
            # the paths inside go on from the name of the setting, however the file spells it
            inside = {
                (name, *at[1:]): f"{path}:{line}" for at, line in positions.items() if at[0] == key
            }
            given[name] = Given(value, where, inside)
    return given, problems


def _parse(path: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError([_syntax_problem(path, text, str(error))]) from error


def _syntax_problem(path: Path, text: str, message: str) -> Problem:
    at = _AT.search(message)
    if at is not None and at[1] is not None:
        line, column = int(at[1]), int(at[2])
    else:
        lines = text.rstrip("\n").split("\n")
        line, column = len(lines), len(lines[-1]) + 1
    said = message if at is None else message[: at.start()]
    hint = next((f" ({hint})" for start, hint in _HINTS if said.startswith(start)), "")
    return Problem(f"{path}:{line}:{column}", None, f"not valid TOML: {said}{hint}")
