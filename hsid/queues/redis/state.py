"""Whether Redis does what it should, since when, and what it last said: for health and status."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import trio

from hsid.model import Seconds
from hsid.queues.redis.errors import RedisError, RedisUnavailableError

REFUSAL_HOLDS: Seconds = 10.0
"""How long a refused write counts although other calls go well; writers try more often."""


class RedisStatus(StrEnum):
    """Whether calls go well."""

    CONNECTED = "connected"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True)
class RedisState:
    """How things stand."""

    status: RedisStatus
    since: datetime
    """When the status became what it is, in UTC."""
    last_error: str | None
    """The latest error in words; kept after the recovery, None if there never was one."""

    @property
    def is_connected(self) -> bool:
        """Tell whether calls go well."""
        return self.status is RedisStatus.CONNECTED


class RedisStateKeeper:
    """Learns the state from how calls end.

    A server that can't save, is full or has become a replica goes on to answer reads: then it
    stays degraded until no write was refused for a while.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._refused_at: Seconds | None = None
        self._state = RedisState(RedisStatus.DEGRADED, now(), None)

    @property
    def state(self) -> RedisState:
        """How things stand; degraded until the first call has gone well."""
        return self._state

    def succeeded(self) -> None:
        """Note a call that the server carried out."""
        if self._state.is_connected or self._is_refusal_recent():
            return
        self._refused_at = None
        self._state = RedisState(RedisStatus.CONNECTED, self._now(), self._state.last_error)

    def failed(self, error: RedisError) -> None:
        """Note a call that the server did not carry out."""
        if isinstance(error, RedisUnavailableError) and error.outlives_success:
            self._refused_at = trio.current_time()
        since = self._now() if self._state.is_connected else self._state.since
        self._state = RedisState(RedisStatus.DEGRADED, since, str(error))

    def _is_refusal_recent(self) -> bool:
        if self._refused_at is None:
            return False
        return trio.current_time() - self._refused_at < REFUSAL_HOLDS
