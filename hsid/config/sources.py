"""Where settings come from, and which source wins.

Highest first: the command line, `HSID_NAME` in the environment, bare `NAME` there, `runtime.env`,
`.env`, the folder of systemd's credentials, the TOML file. Names are read in any case, empty values
count as not given, and a name that means nothing to hsid is passed over, but in the TOML file,
which is hsid's own.
"""

import os
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic.fields import FieldInfo

from hsid.config.errors import Problem, SourceError, unreadable
from hsid.config.fields import is_prefixed_only
from hsid.config.given import COMMAND_LINE, Given
from hsid.config.toml_file import find_config_file, read_toml

PREFIX = "HSID_"
RUNTIME_ENV_PATH_NAME = "HSI_RUNTIME_ENV_PATH"
DEFAULT_RUNTIME_ENV_PATH = "./data/runtime.env"
DOTENV_PATH = ".env"
CREDENTIALS_NAME = "CREDENTIALS_DIRECTORY"
NAMES_OF_HSICTL = frozenset({"HSID_CONTROL_SOCKET"})
"""Names in the environment that begin as the settings do and are read by the client alone."""

Fields = Mapping[str, FieldInfo]


def environment_names(name: str, field: FieldInfo) -> list[str]:
    """Return the names under which the environment may give a setting, highest first."""
    prefixed = PREFIX + name.upper()
    return [prefixed] if is_prefixed_only(field) else [prefixed, name.upper()]


def collect(
    arguments: Mapping[str, object], config_file: Path | None, fields: Fields
) -> tuple[dict[str, Given], list[Problem]]:
    """Ask all sources for *fields*.

    Returns:
        What the highest source says of each setting, and what the TOML file shouldn't hold.

    Raises:
        SourceError: A source is there and can't be read.
    """
    runtime_env = os.environ.get(RUNTIME_ENV_PATH_NAME) or DEFAULT_RUNTIME_ENV_PATH
    path = config_file or find_config_file()
    from_toml, problems = ({}, []) if path is None else read_toml(path, fields)
    layers = (
        {name: Given(value, COMMAND_LINE) for name, value in arguments.items()},
        _environment(fields),
        _env_file(Path(runtime_env), fields),
        _env_file(Path(DOTENV_PATH), fields),
        _credentials(fields),
        from_toml,
    )
    merged: dict[str, Given] = {}
    for layer in reversed(layers):
        merged.update(layer)
    return merged, problems


def unknown_environment_names(fields: Fields) -> list[str]:
    """Return the names in the environment that begin as hsid's do and mean nothing."""
    known = {PREFIX + name.upper() for name in fields} | NAMES_OF_HSICTL
    return sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )


def _environment(fields: Fields) -> dict[str, Given]:
    variables = {name: Given(value, f"environment {name}") for name, value in os.environ.items()}
    return _pick(variables, fields)


def _env_file(path: Path, fields: Fields) -> dict[str, Given]:
    text = _read_if_there(path)
    if text is None:
        return {}
    lines: dict[str, int] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            where = f"{path}:{binding.original.line}"
            raise SourceError([Problem(where, None, "not a line of the form NAME=value")])
        if binding.key is not None:
            lines[binding.key] = binding.original.line + _blank_lines_before(
                binding.original.string
            )
    values = dotenv_values(stream=StringIO(text))
    return _pick(
        {name: Given(value, f"{path}:{lines[name]}") for name, value in values.items() if value},
        fields,
    )


def _blank_lines_before(statement: str) -> int:
    """Count the line ends that the parser takes as part of the statement after them."""
    return statement[: len(statement) - len(statement.lstrip())].count("\n")


def _credentials(fields: Fields) -> dict[str, Given]:
    folder = os.environ.get(CREDENTIALS_NAME)
    if not folder:
        return {}
    given: dict[str, Given] = {}
    for file_name in sorted(_names_in(Path(folder)), key=_is_plain):  # the plain name comes last
        name = _setting_of(file_name)
        text = _read_if_there(Path(folder, file_name)) if name in fields else None
        if text and text.strip():
            given[name] = Given(text.rstrip("\r\n"), f"credential {file_name}")
    return given


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(folder, error) from error


def _setting_of(file_name: str) -> str:
    """Return the setting that a credential is for.

    `LoadCredential=hsid:DIR` hands the files of DIR over as hsid_FILE; a name that nests, as
    smtp__password, stands for the flat one.
    """
    return file_name.lower().removeprefix("hsid_").lstrip("_").replace("__", "_")


def _is_plain(file_name: str) -> bool:
    return _setting_of(file_name) == file_name


def _pick(variables: Mapping[str, Given], fields: Fields) -> dict[str, Given]:
    """Choose from *variables*, named as in the environment, those that give one of *fields*."""
    # sorted, so that of two spellings in different case the upper-case one is kept
    upper = {name.upper(): variables[name] for name in sorted(variables, reverse=True)}
    given: dict[str, Given] = {}
    for name, field in fields.items():
        found = (upper.get(spelling) for spelling in environment_names(name, field))
        if (first := _first_not_empty(found)) is not None:
            given[name] = first
    return given


def _first_not_empty(candidates: Iterable[Given | None]) -> Given | None:
    return next((given for given in candidates if given is not None and given.value), None)


def _read_if_there(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
