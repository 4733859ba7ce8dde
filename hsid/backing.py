"""Where the queues live: within the database, or on a Redis server that other nodes share.

Everything that depends on the choice is made here; who uses it does not see which it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hsid.config import Settings
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.feeding import EmbeddedFeeder, Feeder, OrderedFeeder
from hsid.node import node_name
from hsid.queues.completer import EmbeddedCompleter
from hsid.queues.completion import Completer
from hsid.queues.protocol import DurableQueue, QueueOverflowPolicy
from hsid.queues.redis_completer import RedisCompleter
from hsid.queues.redis_queue import RedisQueue
from hsid.queues.sqlite import SqliteQueue
from hsid.redis import RedisClient
from hsid.store.store import Store


@dataclass(frozen=True, slots=True)
class Backing:
    """The pipeline's queues, and what changes them together with the ledger."""

    detection_queue: DurableQueue
    analysis_queue: DurableQueue
    completer: Completer
    feeder: Feeder
    redis: RedisClient | None = None
    """The server that they live on; None where they live in the database."""


def build_backing(settings: Settings, store: Store, *, on_gap: Callable[[], None]) -> Backing:
    """Return what *settings* choose; nothing is connected yet.

    *on_gap* is called when a server has lost a queue, or could not take what was to be put: the
    ledger then has what no queue has.

    Raises:
        StoreUnavailableError: This node's name can't be read or made.
    """
    redis = RedisClient.of(settings)
    if redis is None:
        return _embedded(settings, store)
    return _on_server(settings, store, redis, on_gap)


def queue_on(
    redis: RedisClient,
    name: str,
    settings: Settings,
    *,
    consumer: str,
    on_lost: Callable[[], None] = lambda: None,
) -> RedisQueue:
    """Return the queue called *name* on the server of *redis*, for *consumer* to lease from."""
    return RedisQueue(
        redis.pool,
        name,
        consumer=consumer,
        prefix=settings.redis_key_prefix,
        capacity=settings.queue_max_size,
        overflow=QueueOverflowPolicy(settings.queue_overflow_policy),
        on_lost=on_lost,
    )


def _embedded(settings: Settings, store: Store) -> Backing:
    build = partial(
        SqliteQueue,
        store,
        capacity=settings.queue_max_size,
        overflow=QueueOverflowPolicy(settings.queue_overflow_policy),
    )
    detections, analyses = build(DETECTION_QUEUE), build(ANALYSIS_QUEUE)
    feeder = EmbeddedFeeder(
        store,
        detection_queue=detections,
        analysis_queue=analyses,
        dedupe_ttl=settings.dedupe_ttl_seconds,
    )
    completer = EmbeddedCompleter(store, [detections, analyses])
    return Backing(detections, analyses, completer, feeder)


def _on_server(
    settings: Settings, store: Store, redis: RedisClient, on_gap: Callable[[], None]
) -> Backing:
    build = partial(
        queue_on,
        redis,
        settings=settings,
        consumer=node_name(settings.data_dir),
        on_lost=on_gap,
    )
    detections, analyses = build(name=DETECTION_QUEUE), build(name=ANALYSIS_QUEUE)
    feeder = OrderedFeeder(
        store,
        detection_queue=detections,
        analysis_queue=analyses,
        dedupe_ttl=settings.dedupe_ttl_seconds,
        on_postponed=on_gap,
    )
    completer = RedisCompleter(store, [detections, analyses])
    return Backing(detections, analyses, completer, feeder, redis)
