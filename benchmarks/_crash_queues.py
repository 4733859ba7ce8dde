"""The queues of a daemon that is down, looked at where they live."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from benchmarks._redis_server import RedisServer, redis_server
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.queues.protocol import QueueStats
from hsid.queues.redis.entries import RedisEntries
from hsid.queues.sqlite_entries import SqliteEntries

BACKENDS = ("embedded", "redis")

_NAMES = (DETECTION_QUEUE, ANALYSIS_QUEUE)
_CAPACITY = 10_000
_PREFIX = "hsid:"


class Queues(Protocol):
    """Where the daemon keeps its queues; *settings* tell it so."""

    @property
    def settings(self) -> dict[str, object]:
        """What the daemon's file says of them."""
        ...

    def stats(self, connection: Connection) -> list[QueueStats]:
        """Count what is there; *connection* sees the database."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddedQueues:
    """Rows of the database."""

    settings: dict[str, object] = field(default_factory=dict)

    def stats(self, connection: Connection) -> list[QueueStats]:
        """Count the rows; see `Queues`."""
        return [SqliteEntries(name, capacity=_CAPACITY).stats_in(connection) for name in _NAMES]


@dataclass(frozen=True, slots=True)
class RedisQueues:
    """Streams on *server*, which goes on while the daemon is killed.

    A daemon that keeps its queues elsewhere, and so proves nothing, is found out: they are not
    there to be counted.
    """

    server: RedisServer

    @property
    def settings(self) -> dict[str, object]:
        """The server's address."""
        return {"redis_url": self.server.url, "redis_key_prefix": _PREFIX}

    def stats(self, _: Connection) -> list[QueueStats]:
        """Ask the server; see `Queues`."""
        with self.server.admin() as client:
            return [
                RedisEntries(name, prefix=_PREFIX, consumer="audit", capacity=_CAPACITY).stats_in(
                    client
                )
                for name in _NAMES
            ]


@contextmanager
def open_queues(backend: str, base: Path) -> Iterator[Queues]:
    """Give the queues of *backend*, one of `BACKENDS`; what they need runs beneath *base*."""
    if backend == "embedded":
        yield EmbeddedQueues()
        return
    with redis_server(base / "redis", appendonly="yes", appendfsync="everysec") as server:
        yield RedisQueues(server)
