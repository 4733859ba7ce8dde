"""The Redis monitor: looks at the server now and then, and says what its owner should change.

It stops nothing. Whoever uses the server waits by itself while it is away or refuses, and health
tells of it; here is found what no call would fail over, as a policy that deletes queued work.
"""

from dataclasses import dataclass

from hsid.model import Seconds
from hsid.observe.logging import get_logger
from hsid.queues.redis.errors import RedisError
from hsid.redis import RedisClient
from supervision import Context

_log = get_logger("actors.redis_monitor")


@dataclass(frozen=True, slots=True)
class RedisMonitor:
    """Looks at the server of *redis* again and again, *every* seconds."""

    redis: RedisClient
    every: Seconds = 30.0

    async def run(self, ctx: Context) -> None:
        """Look until asked to stop; the same trouble is told once."""
        told: str | None = None
        ctx.ready()
        while not ctx.stopping.is_set():
            await ctx.sleep(self.every)
            trouble = await self._trouble()
            if trouble != told:
                self._tell(trouble)
            told = trouble

    async def _trouble(self) -> str | None:
        try:
            await self.redis.connect()
        except RedisError as error:
            return str(error)
        return None

    def _tell(self, trouble: str | None) -> None:
        if trouble is None:
            _log.info("redis_is_well_again")
        else:
            _log.error("redis_trouble", error=trouble)
