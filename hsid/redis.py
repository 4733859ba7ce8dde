"""The Redis client: queues, publishing and listening, a cache, a sign of life.

For whoever wants Redis in a word: pages, scripts, notices. The queues are those of the actors, on
streams (`hsid.queues.redis.calls`). Values are JSON. Names of queues and keys get the client's
prefix, names of channels stay as they are. All calls raise what `hsid.queues.redis.errors` holds:
after a `RedisUnavailableError` they may be tried again, a `RedisRefusedError` needs a person.
"""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TypedDict

import structlog
import trio

from hsid.config import Settings, get_settings
from hsid.model import Seconds
from hsid.queues.protocol import QueueAddResult, QueueOverflowPolicy, QueuePressureMetrics
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.calls import Json, QueueCalls, QueueRules
from hsid.queues.redis.errors import RedisError
from hsid.queues.redis.pool import RedisPool
from hsid.queues.redis.state import RedisState
from hsid.queues.redis.subscription import RedisSubscription

__all__ = [
    "PublishedMessage",
    "QueueAddResult",
    "QueueOverflowPolicy",
    "QueuePressureMetrics",
    "QueueRules",
    "RedisClient",
    "RedisHealth",
    "RedisNotConfiguredError",
    "close_redis",
    "get_redis",
    "get_redis_optional",
    "init_redis",
]

_log = structlog.get_logger(__name__)


class RedisNotConfiguredError(Exception):
    """There is no Redis server to connect to: `redis_url` is not set."""

    def __init__(self) -> None:
        super().__init__("no Redis server is configured: set redis_url")


class RedisHealth(TypedDict):
    """What a look at the server gave."""

    connected: bool
    """Whether calls go well; False also while a server that answers refuses writes."""
    version: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class PublishedMessage:
    """What was heard on a channel; *data* is text where somebody published no JSON."""

    channel: str
    data: Json


class RedisClient(QueueCalls):
    """A client of the server at *redis_url*.

    Args:
        redis_url: Where the server is, or an address with a login and certificates beside it.
        prefix: What the names of queues and keys begin with in Redis.
        rules: How full queues may be.
    """

    def __init__(
        self,
        redis_url: str | RedisAddress = "redis://localhost:6379/0",
        *,
        prefix: str = "hsid:",
        rules: QueueRules | None = None,
    ) -> None:
        address = RedisAddress(redis_url) if isinstance(redis_url, str) else redis_url
        super().__init__(RedisPool(address), prefix=prefix, rules=rules or QueueRules())
        self._subscription = RedisSubscription(
            self.pool.dedicated(), timeout=address.command_timeout
        )

    @classmethod
    def of(cls, settings: Settings) -> "RedisClient | None":
        """Return a client for what *settings* say; None where no Redis is configured."""
        address = RedisAddress.of(settings)
        if address is None:
            return None
        return cls(address, prefix=settings.redis_key_prefix, rules=QueueRules.of(settings))

    @property
    def state(self) -> RedisState:
        """Whether calls go well, since when, and what the latest error was."""
        return self.pool.state

    async def connect(self) -> None:
        """Connect and look whether the server is fit for queues, in at most three attempts.

        Raises:
            RedisUnavailableError: The last attempt failed; calls go well once the server is there.
            RedisRefusedError: No attempt can go well: a wrong password, an unsafe server, ...
        """
        await self.pool.connect()

    async def disconnect(self) -> None:
        """Close all connections; a call that is under way fails, a later one connects anew."""
        await trio.lowlevel.checkpoint()
        self.pool.close()

    async def publish(self, channel: str, message: Json) -> int:
        """Tell *message* to whoever listens to *channel* now; return how many those are."""
        text = _text(message)
        return int(await self.pool.run(lambda client: client.publish(channel, text)))

    async def subscribe(self, *channels: str) -> RedisSubscription:
        """Listen to *channels* too; what is published once this returns is heard by `listen`.

        A client has one subscription: several listeners share what it hears.
        """
        await self._subscription.add(set(channels))
        return self._subscription

    async def unsubscribe(self, *channels: str) -> None:
        """Listen to *channels* no more; to none at all if none is named."""
        await self._subscription.remove(set(channels) or set(self._subscription.channels))

    async def listen(
        self, pubsub: RedisSubscription | None = None
    ) -> AsyncGenerator[PublishedMessage, None]:
        """Yield what is published on the channels subscribed to, until there are none.

        Raises:
            RedisUnavailableError: The connection was lost, and what was published since. Listen
                again to go on.
        """
        subscription = pubsub or self._subscription
        while subscription.channels:
            heard = await subscription.receive()
            if heard is not None:
                yield PublishedMessage(heard.channel, _value(heard.text))

    async def get(self, key: str) -> Json:
        """Return the value of *key*, None if there is none; text if somebody stored no JSON."""
        name = self._key(key)
        text = await self.pool.run(lambda client: client.get(name))
        return None if text is None else _value(str(text))

    async def set(self, key: str, value: Json, expire: Seconds | None = None) -> None:
        """Store *value* under *key*, for *expire* seconds or for good."""
        name, text = self._key(key), _text(value)
        milliseconds = None if expire is None else max(1, round(expire * 1000))
        await self.pool.run(lambda client: client.set(name, text, px=milliseconds))

    async def delete(self, *keys: str) -> int:
        """Delete *keys*; return how many were there."""
        names = [self._key(key) for key in keys]
        return int(await self.pool.run(lambda client: client.delete(*names))) if names else 0

    async def exists(self, *keys: str) -> int:
        """Return how many of *keys* are there."""
        names = [self._key(key) for key in keys]
        return int(await self.pool.run(lambda client: client.exists(*names))) if names else 0

    async def health_check(self) -> RedisHealth:
        """Ask the server for a sign of life; never raises for what Redis does."""
        try:
            version = await self.pool.server_version()
        except RedisError as error:
            return RedisHealth(connected=False, version=None, error=str(error))
        is_well = self.state.is_connected
        return RedisHealth(
            connected=is_well, version=version, error=None if is_well else self.state.last_error
        )

    def _key(self, key: str) -> str:
        return f"{self._prefix}cache:{key}"  # no key of a queue


def _text(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))


def _value(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return text


@dataclass(slots=True)
class _Shared:
    client: RedisClient | None = None

    def made(self) -> RedisClient:
        """Return the client, made of the settings if need be."""
        if self.client is None:
            self.client = RedisClient.of(get_settings())
        if self.client is None:
            raise RedisNotConfiguredError
        return self.client


_shared = _Shared()


async def init_redis() -> RedisClient:
    """Connect the client that the whole process shares, as the settings say.

    Raises:
        RedisNotConfiguredError: `redis_url` is not set.
        RedisUnavailableError: The server is not there; it is connected to once it is.
        RedisRefusedError: A person must mend something first.
    """
    client = _shared.made()
    await client.connect()
    return client


async def close_redis() -> None:
    """Close the shared client's connections and forget it."""
    client, _shared.client = _shared.client, None
    if client is not None:
        await client.disconnect()


async def get_redis() -> AsyncGenerator[RedisClient, None]:
    """Give the shared client, connected or not: as a dependency of a request.

    Raises:
        RedisNotConfiguredError: `redis_url` is not set.
    """
    await trio.lowlevel.checkpoint()
    yield _shared.made()


async def get_redis_optional() -> AsyncGenerator[RedisClient | None, None]:
    """Give the shared client, or None where there is no server that does its work."""
    yield await _working_client()


async def _working_client() -> RedisClient | None:
    try:
        client = _shared.made()
    except RedisNotConfiguredError:
        return None
    if client.state.is_connected:
        return client
    health = await client.health_check()
    if not health["connected"]:
        _log.warning("redis_unavailable", error=health["error"])
    return client if health["connected"] else None
