"""No secret of the settings gets into the log: each one there is, by every way, to every place."""

import json
import logging
import sys
from hashlib import sha256
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.config import ConfigError, Settings, load_settings
from hsid.config.fields import is_secret
from hsid.observe.logging import bind_ids, get_logger, sanitize_error, setup_logging
from hsid.observe.logging_database import DatabaseHandler, LineBacklog
from hsid.observe.logging_format import build_formatter
from hsid.observe.logging_handlers import StderrHandler
from hsid.observe.logging_journal import JournalHandler
from hsid.observe.logging_secrets import hide, mask_hidden, secrets_in
from tests.unit.config.isolation import house
from tests.unit.observe.log_rig import drop_handlers_of_pytest, warn_of

__all__ = ["house"]

FIELDS = [name for name, each in Settings.model_fields.items() if is_secret(each) or "_url" in name]
"""Each setting that is secret, or may hold a password: new ones are found by themselves."""


def core(name):
    """Return the part of a bait that is nowhere else, however the rest of it is spelt."""
    return sha256(name.encode()).hexdigest()[:20]


def bait(name):
    """Return a secret with all that is spelt otherwise in URLs, in JSON and in Python."""
    return f"p&%/@ \"'\\é{core(name)}"


def with_bait(name):
    """Return settings that hold the bait of *name* in the way that this setting takes it."""
    spelt = quote(bait(name), safe="")
    if is_secret(Settings.model_fields[name]):
        values = [bait(name), [bait(name)], f"https://h/services/{spelt}"]
    else:
        values = [f"{scheme}://u:{spelt}@h/d" for scheme in ("postgresql", "redis", "http")]
    for value in values:
        try:
            return load_settings(**{"redis_url": "redis://h", name: value})
        except ConfigError:
            continue
    raise AssertionError(f"no bait for {name}")


def raised(make):
    try:
        make()
    except BaseException as error:  # noqa: BLE001 - whatever the way raises
        return error
    raise AssertionError


def chain(text):
    try:
        raise KeyError(text)  # noqa: TRY301 - the chain is what is tested
    except KeyError as error:
        raise ExceptionGroup("both", [OSError(text)]) from error


def report_uncaught(text):
    error = raised(lambda: chain(text))
    sys.excepthook(type(error), error, error.__traceback__)


LOG = get_logger("hsid.test")
LIBRARY = logging.getLogger("library")

WAYS = {
    "event": LOG.error,
    "argument": lambda text: LOG.error("failed with %s", text),
    "argument that does not fit": lambda text: LOG.error("%d", text),
    "field": lambda text: LOG.error("failed", detail=text),
    "field inside": lambda text: LOG.error("failed", detail=[{"a": (text,)}]),
    "name of a field": lambda text: LOG.error("failed", **{text: 1}),
    "extra": lambda text: LOG.error("failed", extra={"detail": text}),
    "as a URL": lambda text: LOG.error("failed", url=f"http://h/{quote(text, safe='')}"),
    "as JSON": lambda text: LOG.error("failed", body=json.dumps({"a": text})),
    "as Python": lambda text: LOG.error("failed with %r", text),
    "as bytes": lambda text: LOG.error("failed", body=f"{text}.".encode()),
    "error": lambda text: LOG.error("failed", error=ValueError(text)),
    "error made short": lambda text: LOG.error("failed", error=sanitize_error(text)),
    "traceback": lambda text: LOG.error("failed", exc_info=raised(lambda: chain(text))),
    "line of a library": lambda text: LIBRARY.error("failed with %s", text),
    "traceback of a library": lambda text: LIBRARY.error("bad", exc_info=ValueError(text)),
    "warning of Python": warn_of,
    "uncaught": report_uncaught,
}


@pytest.fixture
def places(journal, tmp_path, capsys, quiet_root):
    """Send the log to every place there is; return what gives all that was written."""
    backlog = LineBacklog()

    def set_up(settings):
        setup_logging(settings)
        drop_handlers_of_pytest()
        console = StderrHandler()
        console.setFormatter(build_formatter(is_json=False, has_colors=True))
        for handler in (console, JournalHandler(journal.path), DatabaseHandler(0, backlog)):
            quiet_root.addHandler(handler)

    def written():
        lines = [repr(line) for line in backlog.take(100)]
        assert lines
        return [
            *lines,
            str(journal.read()),
            (tmp_path / "data/logs/security.log").read_text(),
            capsys.readouterr().err,
        ]

    return set_up, written


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FIELDS)
def test_no_secret_setting_is_logged(name, way, places):
    """Neither on stderr for people or programs, nor in the file, the journal, the database."""
    set_up, written = places
    set_up(with_bait(name))
    WAYS[way](bait(name))
    for text in written():
        assert core(name) not in text
        assert "***" in text


def test_no_secret_is_logged_with_the_settings_themselves(places):
    """They may stand in a traceback or in a line of debugging."""
    set_up, written = places
    for name in FIELDS:
        settings = with_bait(name)
        set_up(settings)
        with bind_ids(detail=bait(name)):
            LOG.error("failed", settings=settings, dump=settings.model_dump(), all=vars(settings))
        assert not any(core(name) in text for text in written())


@pytest.mark.parametrize("name", FIELDS)
def test_no_secret_is_in_a_short_error(name):
    """Those go into the ledger and to people; a cut leaves no half of one."""
    hide(secrets_in(with_bait(name)))
    for length in range(400, 520, 7):
        assert core(name)[:6] not in sanitize_error(f"{'x ' * 200}{bait(name)} {'y' * 300}", length)


def test_every_secret_is_found_by_itself():
    """Those of lists and the passwords of URLs as well, as they are and as they are spelt."""
    for name in FIELDS:
        hide(secrets_in(with_bait(name)))
        assert core(name) not in mask_hidden(f"a {bait(name)} b {quote(bait(name), safe='')} c")


def test_a_secret_of_long_ago_stays_hidden():
    """Who reads new settings may still work with the old password."""
    hide(["first-secret"])
    hide(["second-secret"])
    assert mask_hidden("first-secret second-secret") == "*** ***"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("login as gate failed", "login as *** failed"),
        ("password was gate.", "password was ***."),
        ("gateway hsid.gate.main gate-1", "gateway hsid.gate.main gate-1"),
        ("u:gate@h", "u:***@h"),
    ],
)
def test_a_short_secret_is_masked_where_it_is_a_word(text, masked):
    """A password that is the name of half the house would leave nothing to read."""
    hide(["gate", "abc"])
    assert mask_hidden(text) == masked
    assert mask_hidden("abc") == "abc"


@given(st.text(min_size=8), st.text(), st.text())
def test_a_long_secret_is_masked_wherever_it_stands(secret, before, after):
    """Between whatever it stands, in each spelling, and whatever it is made of."""
    hide([secret])
    for spelling in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        assert spelling not in mask_hidden(before + spelling + after).replace("***", "")
