"""The example file, the schema and `show` are made from the settings and tell no secret."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from hsid.config import ConfigError, Settings, load_settings
from hsid.config.describe import allowed
from hsid.config.render import example, schema, show_json, show_lines, toml_value

ROOT = Path(__file__).parents[3]
SECRET = "hunter2hunter2"  # noqa: S105  the bait


def uncommented():
    """Return the example with the # of each assignment and table taken away."""
    return re.sub(r"^#(?=[\w\[])", "", example(), flags=re.MULTILINE)


def test_the_committed_example_is_the_generated_one():
    """`hsid config example > hsid.toml.example` was run after the last change."""
    assert (ROOT / "hsid.toml.example").read_text("utf-8") == example()


def test_the_example_as_it_stands_sets_nothing():
    """Copied as it is, it changes nothing."""
    assert tomllib.loads(example()) == {}


def test_the_example_holds_every_setting_at_its_default(house):
    """Every line taken into use gives what was in force before; cameras alone are made up."""
    text = uncommented()
    (house / "hsid.toml").write_text(text)
    given = load_settings()
    defaults = load_settings(Path("/dev/null"))
    assert set(tomllib.loads(text)) == set(Settings.model_fields)
    assert given.cameras[0].id == "front_door"
    for name in set(Settings.model_fields) - {"cameras"}:
        assert getattr(given, name) == getattr(defaults, name)


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_explained(name):
    """Each has a sentence, a range or choice, and its name in the environment."""
    field = Settings.model_fields[name]
    assert field.description is not None
    assert field.description.endswith(".")
    assert allowed(field)
    assert f"HSID_{name.upper()}" in example()


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_a_slip_in_any_key_gets_the_right_hint(name, house):
    """Two letters swapped are recognised, whichever key it is."""
    middle = len(name) // 2
    slip = name[: middle - 1] + name[middle] + name[middle - 1] + name[middle + 1 :]
    slip = slip if slip != name else name[:-1]
    (house / "hsid.toml").write_text(f"# a line before\n{slip} = 1\n")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == f'hsid.toml:2: {slip}: unknown key, did you mean "{name}"?'


def test_a_key_like_no_other_gets_no_hint(house):
    """A wrong hint is worse than none."""
    (house / "hsid.toml").write_text("xyzzy = 1\n")
    with pytest.raises(ConfigError, match="unknown key, remove it"):
        load_settings()


def test_the_schema_knows_every_key_and_no_other():
    """An editor completes what exists and marks what doesn't."""
    document = schema()
    assert set(document["properties"]) == set(Settings.model_fields)
    assert document["additionalProperties"] is False
    assert document["$defs"]["CameraSettings"]["additionalProperties"] is False
    assert document["properties"]["api_port"]["maximum"] == 65535
    json.dumps(document)


def test_show_tells_values_and_where_they_come_from(house):
    """Each setting has a line with its origin; the lines are TOML."""
    (house / "hsid.toml").write_text('api_port = 9000\n[[cameras]]\nid = "yard"\n')
    text = "\n".join(show_lines(load_settings(debug=True)))
    assert re.search(r"^api_port = 9000 +# hsid\.toml:1$", text, re.MULTILINE)
    assert re.search(r"^debug = true +# command line$", text, re.MULTILINE)
    assert re.search(r"^app_name = .* +# default$", text, re.MULTILINE)
    assert tomllib.loads(text)["cameras"] == [{"id": "yard"}]


def test_show_as_json_has_value_and_origin():
    """What a program reads is typed."""
    document = show_json(load_settings(api_port=9000))
    assert document["api_port"] == {"value": 9000, "origin": "command line"}
    assert document["redis_url"] == {"value": None, "origin": "default"}
    json.dumps(document)


SECRETS = {
    "admin_api_key": SECRET,
    "rtdetr_api_key": SECRET,
    "api_keys": [SECRET],
    "redis_password": SECRET,
    "smtp_password": SECRET,
    "default_webhook_url": f"https://h/{SECRET}",
    "database_url": f"postgresql://u:{SECRET}@h/d",
    "redis_url": f"redis://:{SECRET}@h/0?password={SECRET}",
    "rtdetr_url": [f"http://u:{SECRET}@h", f"http://h/?api_key={SECRET}"],
    "nemotron_url": [f"http://u:{SECRET}@h"],
}


def test_no_secret_is_shown():
    """Neither show, nor its JSON, nor the object itself in a log line or traceback."""
    settings = load_settings(**SECRETS)
    shown = "\n".join(show_lines(settings)) + json.dumps(show_json(settings))
    assert SECRET not in shown + repr(settings) + str(settings)
    assert settings.database_url == SECRETS["database_url"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"api_keys": f"[{SECRET}"},
        {"default_webhook_url": SECRET},
        {"database_url": f"postgresql://u:{SECRET}@h:{SECRET}/d"},
        {"database_url": f"postgres:{SECRET}@localhost/db"},
        {"redis_url": f"http://:{SECRET}@h"},
        {"redis_url": f"http://h/0?token={SECRET}"},
        {"rtdetr_url": f"u:{SECRET}@gpu:8090"},
        {"rtdetr_url": f"ftp://u:{SECRET}@h"},
        {"smtp_password": [SECRET]},
        {"admin_api_key": {SECRET: SECRET}},
    ],
)
def test_no_secret_is_told_by_an_error(arguments):
    """What is wrong with a secret can be said without saying it."""
    with pytest.raises(ConfigError) as caught:
        load_settings(**arguments)
    assert SECRET not in str(caught.value)
    assert next(iter(arguments)) in str(caught.value)


@pytest.mark.parametrize(
    "value", [True, 1, 0.5, "", 'a "b" \\ \n ü', ["a", 1], {"a": [True], "b": "x"}, []]
)
def test_values_are_written_as_toml_reads_them(value):
    """What is shown can be pasted into the file."""
    assert tomllib.loads(f"key = {toml_value(value)}")["key"] == value
