"""Turns what validation found into problems that name the key, the value and its place. Pure."""

import json
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from hsid.config.describe import allowed
from hsid.config.errors import Problem, unknown_key
from hsid.config.fields import is_secret
from hsid.config.given import DEFAULT, Given
from hsid.config.urls import mask_urls

BETWEEN_SETTINGS = "between_settings"
"""Error type of a rule over several settings; its context holds their *keys* and a *message*."""

_LONGEST_VALUE = 80
_CONSEQUENCES = frozenset({"default_factory_not_called"})
"""Errors that only follow from another one."""


def problems_of(
    error: ValidationError, given: Mapping[str, Given], model: type[BaseModel]
) -> list[Problem]:
    """Return a problem for each thing that *error* complains about."""
    details = error.errors(include_url=False)
    return [
        _problem(detail, given, model) for detail in details if detail["type"] not in _CONSEQUENCES
    ]


def _problem(detail: ErrorDetails, given: Mapping[str, Given], model: type[BaseModel]) -> Problem:
    if detail["type"] == BETWEEN_SETTINGS:
        return _problem_between(detail["ctx"], given)
    path = detail["loc"]
    name = str(path[0])
    source = given.get(name)
    where = DEFAULT if source is None else source.where(path)
    owner = _owner(path, model)
    if source is not None and path == (name,):
        detail["input"] = source.value  # as it was written, not as a validator passed it on
    return Problem(where, _spelled(path), _message(detail, owner, model))


def _problem_between(context: Mapping[str, Any], given: Mapping[str, Given]) -> Problem:
    """Blame the first of the settings that somebody has set."""
    key = next((key for key in context["keys"] if key in given), context["keys"][0])
    where = given[key].origin if key in given else DEFAULT
    return Problem(where, key, context["message"])


def _message(detail: ErrorDetails, owner: Mapping[str, FieldInfo], model: type[BaseModel]) -> str:
    path = detail["loc"]
    last = str(path[-1])
    match detail["type"]:
        case "extra_forbidden" if len(path) > 1 and last in model.model_fields:
            return f"not a key of this table but a setting of its own, move it above [[{path[0]}]]"
        case "extra_forbidden":
            return unknown_key(last, owner)
        case "missing":
            return "missing, each table needs it"
        case "value_error":
            shown = _shown(detail["input"], _field(path, owner))
            return f"{shown}: {detail['ctx']['error']}"
        case _:
            field = _field(path, owner)
            return f"{_shown(detail['input'], field)} is not allowed, expected {allowed(field)}"


def _owner(path: tuple[int | str, ...], model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return the fields among which the last key of *path* stands."""
    fields: Mapping[str, FieldInfo] = model.model_fields
    if len(path) > 2:  # noqa: PLR2004  setting, index, key: only tables are that deep
        for element in get_args(fields[str(path[0])].annotation):
            if isinstance(element, type) and issubclass(element, BaseModel):
                return element.model_fields
    return fields


def _field(path: tuple[int | str, ...], owner: Mapping[str, FieldInfo]) -> FieldInfo:
    """Return the field that *path* leads to; an element of a list belongs to the list's."""
    return next(owner[part] for part in reversed(path) if isinstance(part, str) and part in owner)


def _spelled(path: tuple[int | str, ...]) -> str:
    match path:
        case (str(name), int(), str(key), *_):
            return f"[[{name}]] {key}"
        case (str(name), int(index), *_):
            return f"{name}[{index}]"
        case _:
            return str(path[0])


def _shown(value: object, field: FieldInfo) -> str:
    if is_secret(field) or isinstance(value, dict | list | tuple) or _may_be_url(value):
        return "this value"
    text = json.dumps(mask_urls(value), ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _may_be_url(value: object) -> bool:
    """Tell whether *value* looks like a URL that lacks its scheme, so that no mask would fit."""
    return isinstance(value, str) and "@" in value and "://" not in value
