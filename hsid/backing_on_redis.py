"""The pipeline's queues on a Redis server, which other nodes may share."""

from collections.abc import Callable
from functools import partial

from hsid.backing import Backing
from hsid.config import Settings
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.feeding import OrderedFeeder
from hsid.node import node_name
from hsid.queues.protocol import QueueOverflowPolicy
from hsid.queues.redis.completer import RedisCompleter
from hsid.queues.redis.queue import RedisQueue
from hsid.redis import RedisClient, RedisNotConfiguredError
from hsid.store.store import Store


def backing_on_redis(settings: Settings, store: Store, *, on_gap: Callable[[], None]) -> Backing:
    """Return the queues on the server that *settings* name; nothing is connected yet.

    *on_gap* is called when the server has lost a queue, or could not take what was to be put: the
    ledger then has what no queue has.

    Raises:
        RedisNotConfiguredError: They name none.
        StoreUnavailableError: This node's name can't be read or made.
    """
    redis = RedisClient.of(settings)
    if redis is None:
        raise RedisNotConfiguredError
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
        max_requeued=settings.max_requeue_iterations,
        on_lost=on_lost,
    )
