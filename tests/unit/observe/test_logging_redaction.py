"""Secrets and forged lines don't get into the log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.observe.logging_redaction import (
    clean,
    clean_traceback,
    clean_value,
    is_secret_key,
    redact,
    sanitize_error,
)

SECRET = "hunter2hunter2"  # noqa: S105  the bait


@pytest.mark.parametrize(
    "text",
    [
        "redis://:{}@localhost/0",
        "postgresql://u:{}@h/d",
        "postgresql://u:a/b@c{}@h/d",
        "Authorization: Bearer {}",
        "bearer {}",
        "Basic {}",
        "password={}",
        "PASSWORD = {}",
        "password: '{}'",
        '{{"smtp_password": "{}"}}',
        "{{'api_key': '{}'}}",
        "api-key={}&x=1",
        "access_token={}",
        "client_secret={}",
        "whsec_{}abcdefghijkl",
    ],
)
def test_secrets_of_usual_form_are_masked(text):
    """However a password, key or token is written down."""
    assert SECRET not in redact(text.format(SECRET))
    assert "***" in redact(text.format(SECRET))


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:8090/detect",
        "front_door/2025/a.jpg",
        "connection to redis://localhost:6379/0 refused",
        "no token left",
        "password",
    ],
)
def test_what_holds_no_secret_stays(text):
    """A log that masks everything explains nothing."""
    assert redact(text) == text


@pytest.mark.parametrize(
    "key", ["password", "smtp_password", "API_KEY", "api_keys", "Authorization", "cookie", "dsn"]
)
def test_values_under_secret_keys_are_masked(key):
    """Whatever type they have, and however deep they lie."""
    assert is_secret_key(key)
    assert clean_value("outer", [{key: ["x"]}]) == [{key: "***"}]


@pytest.mark.parametrize("key", ["camera_id", "api_key_enabled", "tokens_used", "keys"])
def test_values_under_other_keys_stay(key):
    """A key that only talks about secrets holds none."""
    assert not is_secret_key(key)


@given(st.text())
def test_a_cleaned_text_is_one_printable_line(text):
    """No newline, escape sequence or direction mark of a file name reaches a terminal."""
    assert clean(text).isprintable()


@given(st.text(st.characters(categories=["L", "N"])))
def test_letters_of_any_script_stay_readable(text):
    """Names are not mangled because they are not English."""
    assert clean(text) == "".join(
        char if char.isprintable() else ascii(char)[1:-1] for char in text
    )


@given(st.text())
def test_every_line_of_a_traceback_is_indented(text):
    """No line of it can pass for a line of the log."""
    assert all(line.startswith("    ") for line in clean_traceback(text).split("\n"))


@given(st.text(), st.integers(0, 600))
def test_a_sanitized_error_is_short_and_printable(text, max_length):
    """Whatever an exception says, it fits into a column and on a line."""
    message = sanitize_error(text, max_length)
    assert len(message) <= max(3, max_length)
    assert message.isprintable()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(2, "No such file", "/export/foscam/a b/c.jpg"), "[Errno 2] No such file: 'c.jpg'"),
        (ValueError("can't open /etc/hsid/hsid.toml: no"), "can't open hsid.toml: no"),
        (ValueError("GET http://h/a/b/c failed"), "GET http://h/a/b/c failed"),
        (ValueError(f"login with password={SECRET} failed"), "login with password=*** failed"),
        (TimeoutError(), "TimeoutError"),
        ("plain", "plain"),
        ("x" * 501, "x" * 497 + "..."),
    ],
)
def test_an_error_is_told_without_paths_and_secrets(error, expected):
    """Folders are nobody's business; the file's name, and what went wrong, are."""
    assert sanitize_error(error) == expected


def test_a_secret_is_not_cut_into_plain_sight():
    """The message is cleaned before it is cut, so half a pattern is no way out."""
    assert SECRET not in sanitize_error(f"{'x' * 470} postgresql://u:{SECRET}@host/d")


@pytest.mark.parametrize("size", range(19_960, 20_010))
def test_a_text_too_long_is_cut_between_words(size):
    """Cut inside of one, the beginning of a password would stand there unrecognised."""
    text = f"{'x ' * (size // 2)}postgresql://u:{SECRET}@host/d " + "y" * 20_000
    assert SECRET[:3] not in clean(text)
    assert len(clean(text)) <= 20_003


def test_a_traceback_too_long_is_cut_between_lines():
    """Its end is kept, and no line of it without its beginning."""
    text = f"password={SECRET}\n" + "y" * 19_990 + "\nend"
    assert len(text[len("password=") :]) > 20_000 > len(text[len(f"password={SECRET[:-3]}") :])
    assert clean_traceback(text) == f"    {'y' * 19_990}\n    end"
