"""What others publish on channels of Redis, heard on a connection of its own.

Pub/sub keeps nothing: what is published while nobody is connected is missed. A lost connection is
told, and the next `receive` subscribes anew. A dead link makes no sound: after a silence the server
is asked for a sign of life.
"""

import time
from collections import deque
from dataclasses import dataclass

import redis
from redis.client import PubSub

from hsid.model import Seconds
from hsid.queues.redis.address import COMMAND_TIMEOUT
from hsid.queues.redis.connection import LONGEST_BLOCK, RedisConnection


@dataclass(frozen=True, slots=True)
class PublishedText:
    """What was published on a channel."""

    channel: str
    text: str


class RedisSubscription:
    """The channels that one connection listens to.

    Args:
        connection: For this alone.
        timeout: How long an answer may take; after a silence that long, one is asked for.
    """

    def __init__(self, connection: RedisConnection, *, timeout: Seconds = COMMAND_TIMEOUT) -> None:
        self._connection = connection
        self._timeout = timeout
        self._heard_at = 0.0
        self._channels: set[str] = set()
        self._pubsub: PubSub | None = None
        self._client: redis.Redis | None = None
        self._heard: deque[PublishedText] = deque()

    @property
    def channels(self) -> frozenset[str]:
        """What it is subscribed to."""
        return frozenset(self._channels)

    async def add(self, channels: set[str]) -> None:
        """Subscribe to *channels* too; what is published once this returns is heard."""
        if channels:
            self._channels |= channels
            await self._connection.run(self._agree)

    async def remove(self, channels: set[str]) -> None:
        """Listen to *channels* no more."""
        self._channels -= channels
        await self._connection.run(self._agree)

    async def receive(self) -> PublishedText | None:
        """Wait for what is published next; None if nothing was within a second.

        *Cancellation*: the connection is closed; the next call subscribes anew.

        Raises:
            RedisUnavailableError: The connection was lost, and with it what was published since.
            RedisRefusedError: As `RedisConnection.run`.
        """
        if not self._heard:
            await self._connection.run(self._listen)
        return self._heard.popleft() if self._heard else None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _agree(self, client: redis.Redis) -> None:
        """Have the server know the channels, in a worker thread."""
        if self._pubsub is None or self._client is not client:
            self._pubsub, self._client = client.pubsub(), client
        has = {str(name) for name in self._pubsub.channels}
        if missing := self._channels - has:
            self._pubsub.subscribe(*missing)
            self._confirm("subscribe", len(missing))
        if surplus := has - self._channels:
            self._pubsub.unsubscribe(*surplus)
            self._confirm("unsubscribe", len(surplus))

    def _listen(self, client: redis.Redis) -> None:
        self._agree(client)
        if self._channels and self._hear(LONGEST_BLOCK) is None:
            self._require_life()

    def _require_life(self) -> None:
        if self._pubsub is not None and time.monotonic() - self._heard_at > self._timeout:
            self._pubsub.ping()
            self._confirm("pong", 1)

    def _confirm(self, kind: str, count: int) -> None:
        while count:
            answer = self._hear(self._timeout)
            if answer is None:
                raise redis.TimeoutError(f"{kind} was not confirmed")
            count -= answer == kind

    def _hear(self, timeout: Seconds) -> str | None:
        """Take one message in; return its kind."""
        message = None if self._pubsub is None else self._pubsub.get_message(timeout=timeout)
        if message is None:
            return None
        self._heard_at = time.monotonic()
        if message["type"] == "message":
            self._heard.append(PublishedText(str(message["channel"]), str(message["data"])))
        return str(message["type"])
