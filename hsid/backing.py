"""Where the queues live, and the place that most houses use: the database itself.

Who uses a backing does not see which it is; the other one is `hsid.backing_on_redis`.
"""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hsid.config import Settings
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.feeding import EmbeddedFeeder, Feeder
from hsid.queues.completer import EmbeddedCompleter
from hsid.queues.completion import Completer
from hsid.queues.protocol import DurableQueue, QueueOverflowPolicy
from hsid.queues.sqlite import SqliteQueue
from hsid.store.store import Store

if TYPE_CHECKING:
    from hsid.redis import RedisClient


@dataclass(frozen=True, slots=True)
class Backing:
    """The pipeline's queues, and what changes them together with the ledger."""

    detection_queue: DurableQueue
    analysis_queue: DurableQueue
    completer: Completer
    feeder: Feeder
    redis: "RedisClient | None" = None
    """The server that they live on; None where they live in the database."""


def backing_in_store(settings: Settings, store: Store) -> Backing:
    """Return the queues within *store*: ledger and queues change in one transaction."""
    build = partial(
        SqliteQueue,
        store,
        capacity=settings.queue_max_size,
        overflow=QueueOverflowPolicy(settings.queue_overflow_policy),
        max_requeued=settings.max_requeue_iterations,
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
