"""The database of a daemon that is killed over and over."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks._postgres_server import postgres_server

STORES = ("sqlite", "postgres")


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the daemon keeps its ledger and events; *settings* tell it so."""

    url: str
    settings: dict[str, object] = field(default_factory=dict)


@contextmanager
def open_store(store: str, data: Path) -> Iterator[Storage]:
    """Give the database of *store*, one of `STORES`.

    It is a file in the folder *data*, or on a server that goes on while the daemon is killed; that
    one writes as a server does that is meant to last.
    """
    if store == "sqlite":
        yield Storage(f"sqlite:///{data}/security.db")
        return
    with postgres_server(fsync="on", full_page_writes="on", autovacuum="on") as server:
        url = server.create_database("house")
        yield Storage(url, {"database_url": url, "database_auto_migrate": True})
