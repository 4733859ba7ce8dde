"""A database on a PostgreSQL server, which may come and go, and which other nodes share.

Whoever writes takes its turn first, a lock that ends with the transaction: within hsid there is one
writer at a time, over all nodes, as there is on SQLite. What a call has read is so when it writes,
and no two nodes wait for each other. (The counters of the ledger would have them stand in line
anyway, only later, and crosswise.) A writing object belongs to one thread.

`PostgresDatabase.run` does its work once in effect: what the server undid is done again, and where
the connection broke in the commit, the server is asked what became of the transaction.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

from sqlalchemy import URL, Connection, text

from hsid.model import Seconds
from hsid.store.errors import (
    CommitUnknownError,
    ConnectionLostError,
    StoreUnavailableError,
    TransactionConflictError,
)
from hsid.store.faults import raise_mapped, storage_fault
from hsid.store.migration import HEAD, migrate_within, require_current, stored_revision
from hsid.store.postgres_engine import (
    POOL_OVERFLOW,
    POOL_SIZE,
    driver_url,
    reader_engine,
    writer_engine,
)

T = TypeVar("T")

PATIENCE: Seconds = 5.0
"""How long a call is tried again while the server is away, or prefers others."""

_TURN = 0x68736964
"""The number of the writers' lock among the advisory locks of the database."""
_REMEDY = "run `hsid db migrate`, or set database_auto_migrate"

_BEGIN = text(f"SELECT pg_advisory_xact_lock({_TURN}), pg_current_xact_id()::text AS number")
_FATE = text("SELECT pg_xact_status(CAST(:number AS xid8))")
_NUMBER_IN_THE_FUTURE = "22023"

_SHORTEST_PAUSE: Seconds = 0.05
_LONGEST_PAUSE: Seconds = 1.0


class PostgresDatabase:
    """What writes to the database that *url* names; it connects when it is first used.

    Args:
        url: With whichever driver; psycopg is used.
        auto_migrate: Whether to make what the schema lacks, rather than to refuse it.
        prepare: What to do in the first transaction of all.
        patience: How long `run` tries again.
    """

    is_remote = True

    def __init__(
        self,
        url: str,
        *,
        auto_migrate: bool = False,
        prepare: Callable[[Connection], Any] = lambda _connection: None,
        patience: Seconds = PATIENCE,
    ) -> None:
        parsed = driver_url(url)
        self.place = place_of(parsed)
        self._engine = writer_engine(parsed)
        self._auto_migrate = auto_migrate
        self._prepare = prepare
        self._patience = patience
        self._is_ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose writes are durable when the block ends, or undone if it raises.

        Raises:
            StoreUnavailableError: The server is away, or can't do it now.
            StoreCorruptError: It says that the database is damaged.
        """
        with self._turn(_Attempt[None]()) as connection:
            yield connection

    def run(self, work: Callable[[Connection], T]) -> T:
        """Return what *work* returns, once what it wrote is durable.

        Raises:
            StoreUnavailableError: The server is away, or can't do it now.
            CommitUnknownError: It could not be asked whether the commit was done.
            StoreCorruptError: It says that the database is damaged.
        """
        pauses = _pauses(self._patience)
        while True:
            attempt = _Attempt[T]()
            try:
                self.make_ready()
                with self._turn(attempt) as connection:
                    attempt.results.append(work(connection))
            except (ConnectionLostError, TransactionConflictError) as fault:
                if not attempt.results or not self._is_committed(attempt, pauses, fault):
                    self._wait_after(fault, pauses)
                    continue
            return attempt.results[0]

    def make_ready(self) -> None:
        """Look whether the schema is this program's, and migrate it if that was asked for.

        Raises:
            SchemaTooNewError: A newer hsid has written it.
            SchemaOutdatedError: It waits for its migration.
            ForeignDatabaseError: It belongs to another program.
            StoreUnavailableError: The server is away.
        """
        if self._is_ready:
            return
        if self._auto_migrate:
            self.migrate()
        with self.transaction() as connection:
            require_current(connection, self.place, remedy=_REMEDY)
            self._prepare(connection)
        self._is_ready = True

    def migrate(self) -> None:
        """Bring the schema up to date, in one transaction; nodes that do it at once take turns."""
        with self.transaction() as connection:
            if stored_revision(connection, self.place) != HEAD:
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                migrate_within(connection, self.place)

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    @contextmanager
    def _turn(self, attempt: "_Attempt[Any]") -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection, connection.begin():
                attempt.number = connection.execute(_BEGIN).one().number
                yield connection
        except Exception as error:  # noqa: BLE001 - it is raised again, mapped
            raise_mapped(error)

    def _is_committed(
        self, attempt: "_Attempt[Any]", pauses: Iterator[Seconds], fault: StoreUnavailableError
    ) -> bool:
        """Ask until the server knows what became of the transaction of *attempt*."""
        words = f"the connection broke in a commit, which may be done or not ({fault})"
        unknown = CommitUnknownError(words)
        unknown.__cause__ = fault
        while (fate := self._fate_of(attempt.number)) not in {"committed", "aborted"}:
            self._wait_after(unknown, pauses)
        return fate == "committed"

    def _wait_after(self, fault: StoreUnavailableError, pauses: Iterator[Seconds]) -> None:
        pause = next(pauses, None)
        if pause is None:
            raise fault
        time.sleep(pause)

    def _fate_of(self, number: str) -> str | None:
        """Return the state of a transaction, None while the server can't be asked."""
        try:
            with self._engine.connect() as connection:
                return str(connection.scalar(_FATE, {"number": number}))
        except Exception as error:
            if getattr(getattr(error, "orig", None), "sqlstate", None) == _NUMBER_IN_THE_FUTURE:
                return "aborted"  # the server crashed before it had noted that number
            if isinstance(storage_fault(error), StoreUnavailableError):
                return None
            raise


class PostgresReader:
    """Snapshots of the database that *url* names, *size* at a time; usable from any thread."""

    def __init__(self, url: str, *, size: int | None = None) -> None:
        parsed = driver_url(url)
        self.size = POOL_SIZE + POOL_OVERFLOW if size is None else size
        self.place = place_of(parsed)
        self._engine = reader_engine(parsed, size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the database. Keep it short.

        Raises:
            StoreUnavailableError: The server is away, or can't do it now.
            StoreCorruptError: It says that the database is damaged.
        """
        try:
            with self._engine.connect() as connection, connection.begin():
                yield connection
        except Exception as error:  # noqa: BLE001 - what is not the storage's passes unchanged
            raise_mapped(error)

    def require_current(self) -> None:
        """Raise unless the schema is this program's; see `PostgresDatabase.make_ready`."""
        with self.snapshot() as connection:
            require_current(connection, self.place, remedy=_REMEDY)

    def revision(self) -> str | None:
        """Return the revision of the schema, None in an empty database."""
        with self.snapshot() as connection:
            return stored_revision(connection, self.place)

    def close(self) -> None:
        """Close what is not in use."""
        self._engine.dispose()


def place_of(url: URL) -> str:
    """Return which database *url* names, for people: never with its password."""
    host = url.host or url.query.get("host") or "localhost"
    return f"database {url.database} on {host}"


@dataclass(slots=True)
class _Attempt(Generic[T]):
    number: str = ""
    """The transaction's, for asking the server about it."""
    results: list[T] = field(default_factory=list)
    """That of the work, once it is done: then only the commit may have failed."""


def _pauses(patience: Seconds) -> Iterator[Seconds]:
    """Yield growing pauses until *patience* seconds are over, whatever is done between them."""
    end, pause = time.monotonic() + patience, _SHORTEST_PAUSE
    while time.monotonic() + pause < end:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)
