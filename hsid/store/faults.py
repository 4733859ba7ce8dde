"""Which error of the store an error of a driver is: mapped here, once, for both databases.

Errors that speak about the *data* of a call (a broken constraint, say) are the caller's and pass
unchanged. The driver of PostgreSQL is not imported: where it is not in use, none of its errors is.
"""

import sqlite3
import sys
from typing import TYPE_CHECKING, NoReturn

from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hsid.store.errors import (
    ConnectionLostError,
    ServerRefusedError,
    StoreCorruptError,
    StoreError,
    StoreUnavailableError,
    TransactionConflictError,
    UnsupportedDatabaseError,
)
from hsid.store.postgres_refusals import LOGIN, RIGHTS, remedy_for

if TYPE_CHECKING:
    import psycopg

_PRIMARY_CODE = 0xFF
_SQLITE_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SQLITE_UNAVAILABLE = {
    sqlite3.SQLITE_FULL: "the disk or the quota is full",
    sqlite3.SQLITE_BUSY: "another process holds its write lock",
    sqlite3.SQLITE_LOCKED: "another process holds its write lock",
    sqlite3.SQLITE_PROTOCOL: "another process holds its write lock",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_READONLY: "it can't be written to",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened",
    sqlite3.SQLITE_PERM: "hsid may not open it",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_INTERRUPT: "the call was interrupted",
}

_UNKNOWN_OPTION = "invalid connection option"
_POSTGRES_CORRUPT = ("XX001", "XX002")
_POSTGRES_CONFLICT = {
    "40001": "another transaction came first",
    "40P01": "it and another transaction waited for each other",
}
_POSTGRES_LOST = {
    "08": "there is no connection to the server",
    "25P03": "the server ended a transaction that had stood still",
    "25P04": "the server ended a transaction that took too long",
    "57P": "the server is starting, stopping, or has ended the connection",
}
_POSTGRES_REFUSED = {
    "28": LOGIN,
    "3D000": LOGIN,
    "42501": RIGHTS,
}
_POSTGRES_UNAVAILABLE = {
    "25006": "it can't be written to",
    "53100": "the server's disk is full",
    "53200": "the server has no memory left",
    "53300": "the server has too many connections",
    "53": "the server is short of something",
    "55P03": "another session holds a lock that was waited for",
    "57014": "the call took too long",
    "58": "the server's disk reports an error",
}


def storage_fault(error: BaseException) -> StoreError | None:
    """Return the store's error for *error*, None where the storage is not to blame.

    Looks through the wrapping of SQLAlchemy (`DBAPIError.orig`).
    """
    if isinstance(error, StoreUnavailableError | StoreCorruptError):
        return error
    if isinstance(error, PoolTimeoutError):
        return StoreUnavailableError("the database can't be used: all connections are in use")
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        return _sqlite_fault(cause)
    driver = sys.modules.get("psycopg")
    if driver is not None and isinstance(cause, driver.Error):
        if cause.sqlstate is not None:
            return _postgres_fault(cause, cause.sqlstate)
        is_connection = isinstance(cause, driver.OperationalError | driver.InterfaceError)
        return _connection_fault(cause) if is_connection else _fault_of_url(cause)
    return None


def raise_mapped(error: Exception) -> NoReturn:
    """Raise the store's error for *error* where the storage is to blame, else *error* itself."""
    fault = storage_fault(error)
    if fault is None or fault is error:
        raise error
    raise fault from error


def _sqlite_fault(cause: sqlite3.Error) -> StoreError | None:
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:
        return None
    if code & _PRIMARY_CODE in _SQLITE_CORRUPT or code == sqlite3.SQLITE_IOERR_CORRUPTFS:
        return damage_of(cause)
    why = _SQLITE_UNAVAILABLE.get(code & _PRIMARY_CODE)
    return None if why is None else StoreUnavailableError(_words(why, cause))


def _connection_fault(cause: "psycopg.Error") -> StoreError:
    """Tell an outage from a refusal, for which the driver has no code."""
    ours = cause.pgconn  # there only if no connection came about
    remedy = ours and remedy_for(
        str(cause),
        user=ours.user.decode(errors="replace"),
        database=ours.db.decode(errors="replace"),
        needs_password=ours.needs_password,
    )
    if remedy:
        return _refusal(remedy, cause)
    return ConnectionLostError(_words(_POSTGRES_LOST["08"], cause))


def _fault_of_url(cause: Exception) -> StoreError | None:
    is_known = str(cause).startswith(_UNKNOWN_OPTION)
    return UnsupportedDatabaseError(f"database_url has an {cause}") if is_known else None


def _postgres_fault(cause: Exception, state: str) -> StoreError | None:
    if state in _POSTGRES_CORRUPT:
        return damage_of(cause)
    for start, remedy in _POSTGRES_REFUSED.items():
        if state.startswith(start):
            return _refusal(remedy, cause)
    for known, kind in (
        (_POSTGRES_CONFLICT, TransactionConflictError),
        (_POSTGRES_LOST, ConnectionLostError),
        (_POSTGRES_UNAVAILABLE, StoreUnavailableError),
    ):
        why = next((why for start, why in known.items() if state.startswith(start)), None)
        if why is not None:
            return kind(_words(why, cause))
    return None


def damage_of(cause: object) -> StoreCorruptError:
    """Return the error that tells of the damage *cause*."""
    return StoreCorruptError(
        f"the database is damaged ({cause}): put a backup in its place, hsid won't run on it"
    )


def _refusal(remedy: str, cause: Exception) -> ServerRefusedError:
    return ServerRefusedError(f"the database can't be used: {_said(cause)}; {remedy}")


def _words(why: str, cause: Exception) -> str:
    said = _said(cause)
    return f"the database can't be used: {why} ({said}); nothing was stored, try again later"


def _said(cause: Exception) -> str:
    return " ".join(str(cause).split())
