"""The building blocks of the settings: how one is declared and which types it may have.

Guarantees that each setting carries its meaning, its unit and its range in one place, from which
validation, the example file, the error messages and the JSON Schema are all made.
"""

import json
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

WRONG_TYPE = "wrong_type"
"""Error type of a value that lax conversion would have taken, though nobody can have meant it."""


def setting(
    default: object,
    description: str,
    *,
    unit: str | None = None,
    ge: float | None = None,
    le: float | None = None,
    prefixed_only: bool = False,
) -> Any:
    """Declare a setting.

    Args:
        default: Its value unless a source names another.
        description: What it does, in a sentence or two for the person who sets it.
        unit: What a number counts.
        ge: The lowest number allowed.
        le: The highest number allowed.
        prefixed_only: Read it from `HSID_NAME` only. The settings that are as old as the project
            are found under their bare name in the environment too.
    """
    extra = _extra(unit=unit, prefixed_only=prefixed_only)
    return Field(default, description=description, ge=ge, le=le, json_schema_extra=extra)


def computed(factory: Any, shown: str, description: str, *, prefixed_only: bool = False) -> Any:
    """Declare a setting whose default follows from the settings before it.

    *factory* takes those as a dictionary; *shown* is what comes out when they are at their own
    defaults, for the example file and the schema.
    """
    extra = {"default": shown, **_extra(unit=None, prefixed_only=prefixed_only)}
    return Field(default_factory=factory, description=description, json_schema_extra=extra)


def is_prefixed_only(field: FieldInfo) -> bool:
    """Tell whether the environment names this setting with its prefix only."""
    return bool(_extra_of(field).get("prefixed_only"))


def unit_of(field: FieldInfo) -> str | None:
    """Return what the number of this setting counts."""
    unit = _extra_of(field).get("unit")
    return None if unit is None else str(unit)


def default_of(field: FieldInfo) -> object:
    """Return the default as the example file shows it: a computed one as for an empty house."""
    return _extra_of(field).get("default", field.default)


def allows_none(field: FieldInfo) -> bool:
    """Tell whether this setting may be unset."""
    return type(None) in get_args(field.annotation)


def is_secret(field: FieldInfo) -> bool:
    """Tell whether the value is for nobody's eyes."""
    return SecretStr in {field.annotation, *get_args(field.annotation)}


class Section(BaseSettings):
    """A group of settings. The first line of its docstring is its heading in the example file."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        validate_default=False,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _read_plainly(cls, value: object, info: ValidationInfo) -> object:
        """Take empty text as unset where that is possible, and a truth value never as a number."""
        field = cls.model_fields[info.field_name or ""]
        if value == "" and allows_none(field):
            return None
        if value == "" and get_origin(field.annotation) is not tuple:
            raise ValueError("empty text is no value, leave the key out for the default")
        if isinstance(value, bool) and field.annotation is not bool:
            raise PydanticCustomError(WRONG_TYPE, "a truth value")
        return value


def _split(value: object) -> object:
    """Read a list that stands in one text: a JSON array, or words between commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json_value(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def json_value(text: str) -> object:
    """Read JSON from a source that holds text only; raise `ValueError` that says what is wrong."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"not a valid JSON array: {error.msg} at character {error.pos + 1}"
        ) from error


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _extra(*, unit: str | None, prefixed_only: bool) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if unit is not None:
        extra["unit"] = unit
    if prefixed_only:
        extra["prefixed_only"] = True
    return extra


def _extra_of(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


_ONE_OR_MORE = BeforeValidator(_split, json_schema_input_type=str | list[str])

Word = Annotated[str, Field(min_length=1)]
TextList = Annotated[tuple[Word, ...], _ONE_OR_MORE]
SecretList = Annotated[tuple[SecretStr, ...], _ONE_OR_MORE]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    BeforeValidator(_upper, json_schema_input_type=str),
]
