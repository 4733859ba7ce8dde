"""URLs are checked part by part, and shown without what is secret in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.config import validate_database_url
from hsid.config.urls import MASK, mask_url, validate_http_url, validate_redis_url


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///data/security.db",
        "sqlite:////var/lib/hsid/security.db",
        "postgresql://u:p@h/d",
        "postgresql+asyncpg://security:password@localhost:5432/security",
        "postgresql+psycopg://u@[::1]:5432/d",
        "postgresql:///d?host=/run/postgresql&user=u",
    ],
)
def test_a_database_url_with_all_its_parts_is_taken(url):
    """The schemes of both seeds' drivers pass as they are."""
    assert validate_database_url(url) == url


def test_the_driver_of_a_sqlite_url_is_dropped():
    """What the first seed called its file by names the same file here."""
    url = "sqlite+aiosqlite:///data/security.db"
    assert validate_database_url(url) == "sqlite:///data/security.db"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must begin with sqlite://, sqlite+aiosqlite://, postgresql://"),
        ("security.db", "must begin with sqlite://"),
        ("mysql://u:p@h/d", "must begin with sqlite://"),
        ("sqlite:///", "the database must be a file"),
        ("sqlite:///:memory:", "the database must be a file"),
        ("sqlite://data/security.db", "three slashes"),
        ("sqlite:///data/security.db?timeout=5", "ends with its path"),
        ("sqlite+aiosqlite:///a.db#b", "ends with its path"),
        ("postgresql://h/d", "user missing"),
        ("postgresql://u:p@/d", "host missing"),
        ("postgresql://u:p@h", "database missing"),
        ("postgresql://", "user and host and database missing"),
        ("postgresql://u:p@h:x/d", "the port must be a number up to 65535"),
        ("postgresql://u:p@h:65536/d", "the port must be a number up to 65535"),
        ("postgresql://u:p@h:0/d", "the port must be 1 to 65535"),
        ("postgresql://u:p@[h/d", "the host is malformed"),
    ],
)
def test_a_database_url_that_lacks_something_is_told_what(url, message):
    """The message names the part to put right."""
    with pytest.raises(ValueError, match=r".") as caught:
        validate_database_url(url)
    assert message in str(caught.value)


@pytest.mark.parametrize("url", ["redis://h", "rediss://:pw@h:6380/1", "unix:///run/redis.sock"])
def test_a_redis_url_is_taken(url):
    """Plain, encrypted and over a socket."""
    assert validate_redis_url(url) == url


@pytest.mark.parametrize("url", ["redis://", "unix://", "http://h", "localhost:6379"])
def test_what_is_no_redis_url_is_refused(url):
    """A URL must say how and where."""
    with pytest.raises(ValueError, match=r"missing|must begin with"):
        validate_redis_url(url)


@pytest.mark.parametrize("url", ["http://", "ftp://h", "h:80", ""])
def test_what_is_no_http_url_is_refused(url):
    """A service is reached over HTTP, at a host."""
    with pytest.raises(ValueError, match=r"missing|must begin with"):
        validate_http_url(url)


def test_a_masked_url_keeps_all_but_the_password():
    """Which server and which user stays readable."""
    shown = mask_url("postgresql://u:secret@h:1/d?x=1")
    assert shown == f"postgresql://u:{MASK}@h:1/d?x=1"


@pytest.mark.parametrize(
    "option", ["password", "pass", "api_key", "APIKEY", "apikey", "token", "secret"]
)
def test_a_masked_url_keeps_the_names_of_its_secret_options(option):
    """A password may stand behind the ? as well."""
    shown = mask_url(f"redis://h/0?a=1&{option}=hunter2&b=2")
    assert shown == f"redis://h/0?a=1&{option}={MASK}&b=2"


def complaint(url):
    """Return what is wrong with *url*, nothing if it passes."""
    try:
        validate_database_url(url)
    except ValueError as error:
        return str(error)
    return ""


@given(st.text("abc12!$%&@:/?#[] ", min_size=1))
def test_no_message_and_no_mask_shows_the_password(noise):
    """Whatever the password is made of, it is in neither the mask nor the error."""
    password = f"SECRET{noise}SECRET"
    for scheme in ("postgresql", "mysql"):
        url = f"{scheme}://u:{password}@h:port/d"
        assert "SECRET" not in mask_url(url) + complaint(url)
    assert complaint(url)
