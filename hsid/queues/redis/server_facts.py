"""What the server says about itself, and whether queues are safe with it. Pure.

A server that would delete what is queued by itself is refused; one that would forget it at a
restart is warned about: the ledger then puts the work back, which costs time and no upload.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hsid.queues.redis.errors import RedisUnsafeError, RedisUnsupportedError

OLDEST = (6, 2)
"""The first version with XAUTOCLAIM."""

_EVICTS_ANYTHING = "allkeys-"


@dataclass(frozen=True, slots=True)
class RedisServerFacts:
    """A server as it is set up. None where the user may not ask."""

    version: str
    maxmemory: int | None = None
    maxmemory_policy: str | None = None
    is_append_only: bool | None = None


def facts_of(version: str, info: Mapping[str, object]) -> RedisServerFacts:
    """Return the facts in a reply to INFO, which may lack any of them."""
    maxmemory, append_only = info.get("maxmemory"), info.get("aof_enabled")
    policy = info.get("maxmemory_policy")
    return RedisServerFacts(
        version=version,
        maxmemory=None if maxmemory is None else int(str(maxmemory)),
        maxmemory_policy=None if policy is None else str(policy),
        is_append_only=None if append_only is None else str(append_only) == "1",
    )


def require_usable(facts: RedisServerFacts, where: str) -> None:
    """Refuse a server on which queued work is not safe.

    Raises:
        RedisUnsupportedError: It is too old.
        RedisUnsafeError: Full memory would make it delete whole queues.
    """
    if _numbers(facts.version) < OLDEST:
        raise RedisUnsupportedError(where, f"it is version {facts.version}")
    if facts.maxmemory and _evicts(facts):
        raise RedisUnsafeError(where, f"maxmemory-policy is {facts.maxmemory_policy}")


def warnings_about(facts: RedisServerFacts) -> Iterator[str]:
    """Yield what the owner of a usable server should look at."""
    if facts.maxmemory_policy is None:
        yield "the user may not ask for INFO, so that the server's set-up can't be checked"
        return
    if _evicts(facts):
        yield (
            f"maxmemory-policy is {facts.maxmemory_policy}: as soon as maxmemory is set, Redis"
            " deletes queued work; set it to noeviction"
        )
    if not facts.is_append_only:
        yield "appendonly is off: after a restart of Redis all queues are filled anew"


def _evicts(facts: RedisServerFacts) -> bool:
    """Tell whether keys without an end, as those of queues are, may be evicted."""
    return (facts.maxmemory_policy or "").startswith(_EVICTS_ANYTHING)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
