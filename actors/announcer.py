"""The announcer: publishes each event on a Redis channel, for programs beside hsid.

The events themselves are in the store. So a message may be lost with the announcer, or while the
server is away for longer than a few tries: that is logged, and nothing waits for it.
"""

import random
from dataclasses import dataclass

import trio

from hsid.announcing import event_message
from hsid.model import Event
from hsid.observe.logging import get_logger
from hsid.queues.redis.errors import RedisError
from hsid.queues.retry import RetryPolicy
from hsid.redis import RedisClient
from supervision import Context, Mailbox

_ATTEMPTS = 4
_RETRY = RetryPolicy(first=1.0, longest=4.0)

_log = get_logger("actors.announcer")


@dataclass(frozen=True, slots=True)
class Announcer:
    """Publishes what comes through *events* on *channel*."""

    redis: RedisClient
    channel: str
    events: Mailbox[Event]

    async def run(self, ctx: Context) -> None:
        """Publish until asked to stop."""
        ctx.ready()
        async for event in ctx.messages(self.events):
            await self._publish(event)

    async def _publish(self, event: Event) -> None:
        rng = random.Random()  # noqa: S311 - spreads retries, guards nothing
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                heard = await self.redis.publish(self.channel, event_message(event))
            except RedisError as error:
                if attempt == _ATTEMPTS:
                    _log.warning("announcement_lost", event_id=event.id, error=str(error))
                    return
                await trio.sleep(_RETRY.delay(attempt, rng))
            else:
                _log.debug("event_announced", event_id=event.id, heard_by=heard)
                return
