"""All connections of this process to Redis: a few shared ones, and those that one user keeps.

Guarantees at most `POOL_SIZE` shared connections. A call is tried once; to try it again is for
those who know whether that is right.
"""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis
import structlog
import trio

from hsid.model import Seconds
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.connection import Call, RedisConnection
from hsid.queues.redis.errors import RedisPermissionError, RedisUnavailableError
from hsid.queues.redis.server_facts import (
    RedisServerFacts,
    facts_of,
    require_usable,
    warnings_about,
)
from hsid.queues.redis.state import RedisState, RedisStateKeeper
from hsid.queues.retry import Backoff, RetryPolicy

T = TypeVar("T")

POOL_SIZE = 10
CONNECT_ATTEMPTS = 3
CONNECT_RETRY = RetryPolicy(first=1.0, longest=30.0)

_log = structlog.get_logger(__name__)


class RedisPool:
    """Connections to the server at *address*.

    Args:
        address: Where they lead.
        size: How many calls may be under way at once, blocking readers not counted.
        rng: Source of the jitter between attempts to connect.
        sleep: Waits between them.
    """

    def __init__(
        self,
        address: RedisAddress,
        *,
        size: int = POOL_SIZE,
        rng: random.Random | None = None,
        sleep: Callable[[Seconds], Awaitable[object]] = trio.sleep,
    ) -> None:
        self.address = address
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._sleep = sleep
        self._keeper = RedisStateKeeper()
        self._slots = trio.Semaphore(size, max_value=size)
        self._idle: list[RedisConnection] = []
        self._warnings: tuple[str, ...] = ()
        self._all: list[RedisConnection] = []

    @property
    def state(self) -> RedisState:
        """Whether calls go well, since when, and what the latest error was."""
        return self._keeper.state

    async def connect(self) -> RedisServerFacts:
        """Connect and look at the server, in at most `CONNECT_ATTEMPTS` attempts.

        Nothing else needs it first; it finds out at the start what would go wrong later.

        Raises:
            RedisUnavailableError: The last attempt failed.
            RedisRefusedError: No attempt can go well: a wrong password, an unsafe server, ...
        """
        facts = await self._look_patiently()
        require_usable(facts, self.address.masked)
        self._warn(tuple(warnings_about(facts)))
        return facts

    async def run(self, call: Call[T]) -> T:
        """Carry out *call* on a free connection; see `RedisConnection.run`."""
        async with self._slots:
            connection = self._idle.pop() if self._idle else self.dedicated()
            try:
                return await connection.run(call)
            finally:
                self._idle.append(connection)

    async def server_version(self) -> str:
        """Ask the server for a sign of life and return its version.

        Raises:
            RedisUnavailableError: As `RedisConnection.run`.
            RedisRefusedError: As `RedisConnection.run`.
        """
        reply = await self.run(lambda client: client.execute_command("HELLO"))
        return str(dict(zip(reply[::2], reply[1::2], strict=True))["version"])

    def dedicated(self) -> RedisConnection:
        """Return a connection for one user, beside the shared ones: a writer, a blocking reader.

        *Resource handling*: `close` of the pool closes it as well.
        """
        connection = RedisConnection(self.address, self._keeper, self._unblock)
        self._all.append(connection)
        return connection

    def close(self) -> None:
        """Close all connections; calls that are under way fail. The next call makes them anew."""
        for connection in self._all:
            connection.close()

    def _warn(self, warnings: tuple[str, ...]) -> None:
        """Log *warnings*, unless they are those of the last time."""
        if warnings != self._warnings:
            for warning in warnings:
                _log.warning("redis_setup", url=self.address.masked, warning=warning)
        self._warnings = warnings

    async def _look_patiently(self) -> RedisServerFacts:
        backoff = Backoff(CONNECT_RETRY, self._rng)
        while True:
            try:
                return await self._look()
            except RedisUnavailableError as error:
                pause = backoff.fail()
                if backoff.failures == CONNECT_ATTEMPTS:
                    raise
                _log.warning("redis_unavailable", pause=pause, error=str(error))
            await self._sleep(pause)

    async def _look(self) -> RedisServerFacts:
        version = await self.server_version()
        try:
            info = await self.run(redis.Redis.info)
        except RedisPermissionError:
            return facts_of(version, {})
        return facts_of(version, info)

    async def _unblock(self, client_id: int) -> None:
        await self.run(lambda client: client.client_unblock(client_id))
