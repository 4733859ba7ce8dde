"""What can go wrong with the database, whose fault it is, and whether trying again helps.

`hsid.store.faults` tells which of these an error of a driver is.
"""

from pathlib import Path


class StoreError(Exception):
    """Base of all that the store raises by itself."""


class StoreUnavailableError(StoreError):
    """The database can't be used now: nothing of the call was stored.

    Nobody's fault in the program. The store keeps working and takes the next call; the caller
    repeats its own after a pause, for as long as the work matters.
    """


class ConnectionLostError(StoreUnavailableError):
    """The server can't be reached, is starting or stopping, or has ended the connection."""


class ServerRefusedError(StoreUnavailableError):
    """The server is there, and a person must mend something before it does what hsid needs.

    The password, the user, the name of the database, TLS, a right that is missing. A daemon does
    not start with it; one that runs waits, as the next it hears of the server may be that it is
    mended.
    """


class TransactionConflictError(StoreUnavailableError):
    """The server undid the transaction in favour of another one: a deadlock, say. Try again."""


class CommitUnknownError(StoreUnavailableError):
    """The connection broke in the commit, and the server did not tell in time what became of it.

    The one case in which something may have been stored. Calls are guarded by what they change, so
    to repeat one is as safe as ever; only what it returns may speak of the second time.
    """


class StoreCorruptError(StoreError):
    """The database is damaged. Trying again does not help; a backup must be put in place."""


class SchemaTooNewError(StoreError):
    """A newer hsid has written this database: this one would misread it. Install the newer one."""

    def __init__(self, place: str | Path, revision: str) -> None:
        super().__init__(
            f"{place} has schema revision {revision}, written by a newer hsid: "
            "install that version again, or put back the backup made before its migration"
        )
        self.revision = revision


class SchemaOutdatedError(StoreError):
    """The database needs a migration, and this is not the place to make it."""

    def __init__(self, place: str | Path, remedy: str) -> None:
        super().__init__(f"{place} has an older schema, or none yet: {remedy}")


class ForeignDatabaseError(StoreError):
    """The database holds tables but not hsid's version table: it belongs to another program."""

    def __init__(self, place: str | Path) -> None:
        super().__init__(
            f"{place} is a database of another program; give hsid one of its own (database_url)"
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


WRONG_DATABASE = (
    SchemaTooNewError,
    SchemaOutdatedError,
    ForeignDatabaseError,
    UnsupportedDatabaseError,
)
"""The database is well, but not one for this program: its owner decides what to do."""

MISCONFIGURED = (*WRONG_DATABASE, ServerRefusedError)
"""What a start ends with, so that it is not tried over and over: see what must be mended first."""

HOPELESS = (StoreCorruptError, *WRONG_DATABASE)
"""No waiting and no restart mends these: the daemon ends, and says what to do."""
