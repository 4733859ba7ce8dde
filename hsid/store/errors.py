"""What can go wrong with the database, whose fault it is, and whether trying again helps.

Errors of the driver are mapped here once (`storage_fault`); those that speak about the *data* of a
call (a broken constraint, say) are the caller's and pass unchanged.
"""

import sqlite3
from pathlib import Path
from typing import NoReturn

_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNAVAILABLE = {
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
_PRIMARY_CODE = 0xFF


class StoreError(Exception):
    """Base of all that the store raises by itself."""


class StoreUnavailableError(StoreError):
    """The database can't be used now: nothing of the call was stored.

    Nobody's fault in the program. The store keeps working and takes the next call; the caller
    repeats its own after a pause, for as long as the work matters.
    """


class StoreCorruptError(StoreError):
    """The database file is damaged. Trying again does not help; a backup must be put in place."""


class SchemaTooNewError(StoreError):
    """A newer hsid has written this database: this one would misread it. Install the newer one."""

    def __init__(self, path: Path, revision: str) -> None:
        super().__init__(
            f"{path} has schema revision {revision}, written by a newer hsid: "
            "install that version again, or put back the backup made before its migration"
        )
        self.revision = revision


class SchemaOutdatedError(StoreError):
    """The database needs a migration, and the call only reads. Starting the daemon migrates it."""


class ForeignDatabaseError(StoreError):
    """The database holds tables but not hsid's version table: it belongs to another program."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a database of another program; give hsid a file of its own (database_url)"
        )


class UnsupportedDatabaseError(StoreError):
    """The database URL names a kind of database that this version can't use."""


class DataDirLockedError(StoreError):
    """Another daemon works on this data directory."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = "another hsid" if pid is None else f"another hsid (process {pid})"
        super().__init__(
            f"{holder} holds {path}: stop it first, or give this one a data directory of its own"
        )
        self.pid = pid


def storage_fault(error: BaseException) -> StoreError | None:
    """Return the store's error for *error*, None where the storage is not to blame.

    Looks through the wrapping of SQLAlchemy (`DBAPIError.orig`).
    """
    if isinstance(error, StoreUnavailableError | StoreCorruptError):
        return error
    cause = getattr(error, "orig", None) or error
    if not isinstance(cause, sqlite3.Error):
        return None
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:
        return None
    if code & _PRIMARY_CODE in _CORRUPT or code == sqlite3.SQLITE_IOERR_CORRUPTFS:
        return StoreCorruptError(
            f"the database is damaged ({cause}): put a backup in its place, hsid won't run on it"
        )
    why = _UNAVAILABLE.get(code & _PRIMARY_CODE)
    if why is None:
        return None
    return StoreUnavailableError(
        f"the database can't be used: {why} ({cause}); nothing was stored, try again later"
    )


def raise_mapped(error: Exception) -> NoReturn:
    """Raise the store's error for *error* where the storage is to blame, else *error* itself."""
    fault = storage_fault(error)
    if fault is None or fault is error:
        raise error
    raise fault from error
