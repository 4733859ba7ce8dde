"""The database for a command that changes it while no daemon of this data folder runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from hsid.config import Settings
from hsid.store.connect import database_path
from hsid.store.database import Database, is_postgresql, open_database
from hsid.store.errors import StoreUnavailableError
from hsid.store.lock import DataDirLock


@contextmanager
def open_alone(settings: Settings) -> Iterator[Database]:
    """Open the database and keep a daemon from starting meanwhile; a file must be there already.

    Raises:
        DataDirLockedError: A daemon runs.
        StoreError: There is no database, or it can't be used.
    """
    url = settings.database_url
    if not is_postgresql(url) and not database_path(url).exists():
        raise StoreUnavailableError(f"there is no database at {database_path(url)} yet")
    with DataDirLock(settings.data_dir), open_database(url) as database:
        yield database
