"""The URLs among the settings: what makes one usable, and how it is shown without its secret.

Only the text is looked at; nothing is resolved or connected to. No message repeats the URL, since
it may hold a password.
"""

import re
from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

SQLITE_SCHEMES = ("sqlite", "sqlite+aiosqlite")
POSTGRESQL_SCHEMES = ("postgresql", "postgresql+psycopg", "postgresql+asyncpg")
MASK = "**********"

_HIGHEST_PORT = 65535
_PASSWORD = re.compile(r"(?<=://)([^:@/]*):.*@", re.DOTALL)
_SECRET_OPTION = re.compile(
    r"(?<=[?&;#])((?:password|pass|api_?key|token|secret)=)[^&;#]*", re.IGNORECASE
)


def validate_database_url(url: str) -> str:
    """Return *url* if a database can be reached by it, that of a SQLite file without its driver.

    Raises:
        ValueError: It can't; the message names what is missing or wrong.
    """
    parts = _split(url, (*SQLITE_SCHEMES, *POSTGRESQL_SCHEMES))
    if parts.scheme in SQLITE_SCHEMES:
        _check_sqlite(parts)
        return f"sqlite:{url.partition(':')[2]}"
    _check_postgresql(parts)
    return url


def validate_redis_url(url: str) -> str:
    """Return *url* if it names a Redis server; raise `ValueError` otherwise."""
    parts = _split(url, ("redis", "rediss", "unix"))
    if parts.scheme == "unix":
        _require({"path of the socket": parts.path}, "unix:///run/redis/redis.sock")
    else:
        _require({"host": parts.hostname}, "redis://localhost:6379/0")
    return url


def validate_http_url(url: str) -> str:
    """Return *url* if it names an HTTP server; raise `ValueError` otherwise."""
    parts = _split(url, ("http", "https"))
    _require({"host": parts.hostname}, "http://localhost:8090")
    return url


def mask_url(url: str) -> str:
    """Return *url* with its password and the secret ones among its options made unreadable.

    Of a malformed URL only the scheme is left: any part of it may be a piece of the password.
    """
    # to the last @, as an unescaped password may hold what else would end it
    masked = _SECRET_OPTION.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1:{MASK}@", url))
    try:
        urlsplit(masked).port  # noqa: B018  looked at because looking raises
    except ValueError:
        return f"{url.partition('://')[0]}://{MASK}"
    return masked


def mask_urls(value: object) -> object:
    """Return *value*, a URL or several among other things, with the passwords unreadable."""
    match value:
        case str() if "://" in value:
            return mask_url(value)
        case tuple() | list():
            return type(value)(mask_urls(part) for part in value)
        case _:
            return value


def _split(url: str, schemes: Collection[str]) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"not a URL: {_without_value(error)}") from None
    if parts.scheme not in schemes:
        raise ValueError(f"must begin with {_one_of([f'{scheme}://' for scheme in schemes])}")
    if port == 0:
        raise ValueError(f"the port must be 1 to {_HIGHEST_PORT}")
    return parts


def _without_value(error: ValueError) -> str:
    """Say what urlsplit minded; its own words may quote a piece of the password."""
    return (
        "the port must be a number up to 65535" if "ort" in str(error) else "the host is malformed"
    )


def _check_sqlite(parts: SplitResult) -> None:
    if parts.netloc:
        raise ValueError(
            "a SQLite URL has three slashes before its path, as sqlite:///data/security.db"
        )
    if parts.path.strip("/") in {"", ":memory:"}:
        raise ValueError("the database must be a file, as sqlite:///data/security.db")
    if parts.query or parts.fragment:
        raise ValueError("a SQLite URL ends with its path: leave out what begins with ? or #")


def _check_postgresql(parts: SplitResult) -> None:
    options = parse_qs(parts.query)
    wanted = {
        "user": parts.username or options.get("user"),
        "host": parts.hostname or options.get("host"),
        "database": parts.path.strip("/") or options.get("dbname"),
    }
    _require(wanted, "postgresql://security:password@localhost:5432/security")


def _require(wanted: Mapping[str, object], example: str) -> None:
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        raise ValueError(f"{' and '.join(missing)} missing, expected something like {example}")


def _one_of(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
