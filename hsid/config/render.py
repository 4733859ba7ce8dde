"""The settings as people read them: the example file, the values in force, the JSON Schema.

All three are made from `Settings` itself, so they can't fall behind it. No secret is ever shown.
Pure.
"""

import json
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from pydantic.fields import FieldInfo

from hsid.config.describe import allowed
from hsid.config.fields import Section, default_of
from hsid.config.sections.intake import CameraSettings
from hsid.config.settings import SECTIONS, Settings
from hsid.config.sources import environment_names
from hsid.config.urls import mask_urls

_WIDTH = 98
_HEAD = """\
# hsid.toml: every setting of hsid with its default. Made by `hsid config example`.
#
# Copy it to ./hsid.toml or /etc/hsid/hsid.toml, or name it with --config, and take the # away from
# what you change. Of what is given in several places, this counts: the command line, then the
# environment, runtime.env, .env, systemd's credentials, then this file. `hsid check-config` checks
# it, `hsid config show` tells each value in force and where it comes from. "" means unset.
"""
_CAMERA_EXAMPLE: dict[str, object] = {
    "id": "front_door",
    "name": "Front door",
    "place": "entrance",
    "timezone": "Europe/Berlin",
}


def example() -> str:
    """Return the text of `hsid.toml.example`."""
    parts = [_HEAD]
    for section in SECTIONS:
        parts.append(f"\n# ---- {_heading(section)} ".ljust(_WIDTH, "-") + "\n")
        parts += [
            _example_of(name, Settings.model_fields[name]) for name in section.__annotations__
        ]
    return "".join(parts)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the TOML file, for editors."""
    return Settings.model_json_schema()


def show_lines(settings: Settings) -> Iterator[str]:
    """Yield a line for each setting: its value in force and where that comes from."""
    shown = {name: f"{name} = {toml_value(value)}" for name, value in _masked(settings).items()}
    width = min(_WIDTH // 2, max(len(text) for text in shown.values()))
    for name, text in shown.items():
        yield f"{text:<{width}}  # {settings.origin(name)}"


def show_json(settings: Settings) -> dict[str, dict[str, object]]:
    """Return each setting's value in force and its origin, fit for JSON."""
    return {
        name: {"value": value, "origin": settings.origin(name)}
        for name, value in _masked(settings).items()
    }


def diff_lines(settings: Settings) -> Iterator[str]:
    """Yield a line for each setting that is not at its default, with the default and the origin."""
    for name, each in diff_json(settings).items():
        default = toml_value(each["default"])
        yield f"{name} = {toml_value(each['value'])}  # not {default}: {each['origin']}"


def diff_json(settings: Settings) -> dict[str, dict[str, object]]:
    """Return value, default and origin of each setting that is not at its default."""
    shown, given = _masked(settings), dict(settings)
    diff: dict[str, dict[str, object]] = {}
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data=given)
        if given[name] != default:
            origin = settings.origin(name)
            diff[name] = {"value": shown[name], "default": _plain(default), "origin": origin}
    return diff


def toml_value(value: object) -> str:
    """Return *value* as it is written in TOML; unset is the empty text."""
    match value:
        case None:
            return '""'
        case bool() | int() | float():
            return json.dumps(value)
        case list() | tuple():
            return f"[{', '.join(toml_value(part) for part in value)}]"
        case dict():
            return (
                f"{{ {', '.join(f'{key} = {toml_value(part)}' for key, part in value.items())} }}"
            )
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def _heading(section: type[Section]) -> str:
    return (section.__doc__ or section.__name__).strip().rstrip(".")


def _example_of(name: str, field: FieldInfo) -> str:
    facts = f"{allowed(field)}; {', '.join(environment_names(name, field))}"
    lines = [*wrap(field.description or "", _WIDTH - 2), *wrap(facts, _WIDTH - 2)]
    prose = "".join(f"# {line}\n" for line in lines)
    given = _example_cameras() if name == "cameras" else _assignment(name, default_of(field))
    return f"\n{prose}{given}"


def _assignment(name: str, value: object) -> str:
    return f"#{name} = {toml_value(value)}\n"


def _example_cameras() -> str:
    lines = ["#[[cameras]]\n"]
    for name, field in CameraSettings.model_fields.items():
        prose = "".join(
            f"# {line}\n" for line in wrap(f"{field.description} ({allowed(field)})", _WIDTH - 2)
        )
        lines.append(prose + _assignment(name, _CAMERA_EXAMPLE[name]))
    return "".join(lines)


def _masked(settings: Settings) -> dict[str, object]:
    return {name: _plain(getattr(settings, name)) for name in Settings.model_fields}


def _plain(value: object) -> object:
    """Return *value* in types that JSON and TOML know, without what is secret in it."""
    match value:
        case None | bool() | int() | float():
            return value
        case CameraSettings():
            return dict(value.model_dump(mode="json", exclude_none=True))
        case tuple():
            return [_plain(part) for part in value]
        case _:
            # a secret masks itself
            return mask_urls(str(value))
