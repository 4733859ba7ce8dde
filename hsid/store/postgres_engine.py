"""Connections to a PostgreSQL server: how they are made, and that none of them waits for ever.

Every call has an end: connecting, a statement, the wait for a lock, a server that is silent. And a
session that stands still in a transaction, as that of a node that hangs, is ended by the server
before others give up waiting for it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Engine, NullPool, QueuePool, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from hsid.store.errors import UnsupportedDatabaseError

DRIVER = "postgresql+psycopg"
POOL_SIZE = 10
POOL_OVERFLOW = 20

_POOL_TIMEOUT_S = 30
_RECYCLE_AFTER_S = 1800
_CONNECTING = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "application_name": "hsid",
}
_SESSION = {
    "statement_timeout": "30s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
}
_READING = {
    # A plan for any value is a bad one for most: a word or a camera is rare or is in every event.
    "plan_cache_mode": "force_custom_plan",
}


def driver_url(url: str) -> URL:
    """Return *url*, of whichever driver, as one for psycopg.

    Raises:
        UnsupportedDatabaseError: It is no URL of a PostgreSQL database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UnsupportedDatabaseError("database_url can't be read as a URL") from error
    if parsed.get_backend_name() != "postgresql":
        kind = parsed.drivername
        raise UnsupportedDatabaseError(f"database_url names no PostgreSQL database but {kind!r}")
    if "ssl" in parsed.query:  # asyncpg's word for it
        query = dict(parsed.query)
        parsed = parsed.set(query=query | {"sslmode": query.pop("ssl")})
    return parsed.set(drivername=DRIVER)


def writer_engine(url: URL) -> Engine:
    """Return an engine of the one connection that writes; dead ones are replaced unnoticed."""
    return _engine(url, pool_size=1, max_overflow=0)


def reader_engine(url: URL, size: int | None) -> Engine:
    """Return an engine whose connections each see one moment, and can't write.

    *size* is how many there may be; of none given, 10 are kept and 20 more made if need be.
    """
    kept, more = (POOL_SIZE, POOL_OVERFLOW) if size is None else (size, 0)
    engine = _engine(
        url,
        session=_SESSION | _READING,
        pool_size=kept,
        max_overflow=more,
        isolation_level="REPEATABLE READ",
    )
    return engine.execution_options(postgresql_readonly=True)


def session_engine(url: URL, **connecting: str) -> Engine:
    """Return an engine whose every connection is a session of its own, and commits at once."""
    given = {name: value for name, value in connecting.items() if name not in url.query}
    return create_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args=_connect_args(url, _SESSION) | given,
    )


def _engine(url: URL, *, session: Mapping[str, str] = _SESSION, **options: Any) -> Engine:
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_timeout=_POOL_TIMEOUT_S,
        pool_recycle=_RECYCLE_AFTER_S,
        pool_pre_ping=True,
        connect_args=_connect_args(url, session),
        **options,
    )


def _connect_args(url: URL, session: Mapping[str, str]) -> dict[str, str]:
    """Return what is said at connecting; what the URL says itself stands."""
    given = url.query
    settings = " ".join(f"-c {name}={value}" for name, value in session.items())
    own = given.get("options", "")
    options = " ".join([settings, *([own] if isinstance(own, str) else own)])
    rest = {name: value for name, value in _CONNECTING.items() if name not in given}
    return rest | {"options": options.strip()}
