"""What a setting may be, in words: for error messages and for the example file. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from hsid.config.fields import unit_of

_KINDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path",
    str: "text",
    SecretStr: "text",
}


def allowed(field: FieldInfo) -> str:
    """Return what values *field* takes, as in "a whole number from 1 to 65535"."""
    kind = _kind(_plain(field.annotation))
    low = next((f"{item.ge}" for item in field.metadata if isinstance(item, Ge)), None)
    high = next((f"{item.le}" for item in field.metadata if isinstance(item, Le)), None)
    bounds = "" if low is None or high is None else f" from {low} to {high}"
    unit = unit_of(field)
    return f"{kind}{bounds}" if unit is None else f"{kind}{bounds} ({unit})"


def _plain(annotation: Any) -> Any:
    """Return *annotation* without the possibility of being unset."""
    if get_origin(annotation) in {Union, UnionType}:
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return _one_of(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _one_of(list(annotation))
    if get_origin(annotation) is tuple:
        return f"a list of {_kind(get_args(annotation)[0])}s"
    # Annotated[str, ...] keeps its str in __origin__
    return _KINDS.get(getattr(annotation, "__origin__", annotation), "table")


def _one_of(choices: Sequence[str]) -> str:
    words = [f'"{choice}"' for choice in choices]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
