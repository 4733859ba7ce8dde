"""No secret of the settings is printed: each one there is, by every command that shows settings.

The log has a test like this of its own, and `tests/system` has one for a whole daemon.
"""

import traceback

import pytest
from click.testing import CliRunner

from hsid.cli import hsid
from hsid.config import ConfigError, load_settings
from hsid.doctor.examination import examine
from hsid.doctor.findings import passed
from hsid.observe.logging_secrets import hide, secrets_in
from tests.integration.doctor.baits import (
    FIELDS,
    leaked,
    unusable_with_bait,
    value_with_bait,
    write,
)

COMMANDS = [
    ("config", "show"),
    ("config", "show", "--json"),
    ("config", "diff"),
    ("config", "diff", "--json"),
    ("config", "check"),
    ("config", "check", "--json"),
    ("doctor",),
    ("doctor", "--json"),
]


def printed(command):
    """Return all that *command* prints, and the traceback of what it raised, if it did."""
    result = CliRunner().invoke(hsid.main, command)
    raised = result.exc_info and "".join(traceback.format_exception(*result.exc_info))
    return f"{result.output}{result.stderr}{raised}"


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret(command, name, house):
    """The setting is spoken of, its secret isn't."""
    settings = {"redis_url": "redis://127.0.0.1:1", "detector": "rtdetr"}
    write(house / "hsid.toml", **settings | {name: value_with_bait(name)})
    text = printed(command)

    assert leaked(text) == []
    assert command[0] == "doctor" or command[1] == "check" or name in text


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret_that_cant_be_used(command, name, house):
    """What is wrong with a value is said without the value."""
    values = unusable_with_bait(name)
    for value in values:
        write(house / "hsid.toml", **{name: value})
        text = printed(command)
        assert leaked(text) == []
        assert name in text
    assert values


@pytest.mark.parametrize("name", FIELDS)
def test_no_traceback_shows_a_secret(name):
    """Neither of an unusable value nor of an error that quotes the settings."""
    for value in unusable_with_bait(name):
        with pytest.raises(ConfigError) as refused:
            load_settings(**{name: value})
        assert leaked("".join(traceback.format_exception(refused.value))) == []
    settings = load_settings(**{"redis_url": "redis://127.0.0.1:1", name: value_with_bait(name)})
    error = ValueError(settings, f"{settings} {settings!r}")
    assert leaked("".join(traceback.format_exception(error))) == []


@pytest.mark.parametrize("name", FIELDS)
async def test_a_check_that_falls_over_a_secret_does_not_tell_it(name):
    """The message of an unforeseen error may quote anything."""
    value = value_with_bait(name)
    settings = load_settings(**{"redis_url": "redis://127.0.0.1:1", name: value})
    hide(secrets_in(settings))

    async def fall_over():
        raise RuntimeError(f"can't open {value!r}")

    (finding,) = await examine({"a": fall_over})
    assert leaked(finding.summary) == []
    assert finding != passed("a", "")


def test_the_baits_would_be_found():
    """Each of them, in the spelling in which it is given: else these tests could not fail."""
    for name in FIELDS:
        assert leaked(str(value_with_bait(name))) == [name]
    assert {"smtp_password", "api_keys", "database_url", "redis_url"} <= set(FIELDS)
