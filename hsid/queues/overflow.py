"""What a full queue answers: a decision over counts, the same for every backend."""

from collections.abc import Sequence

from hsid.queues.protocol import (
    QueueAddResult,
    QueueOverflowPolicy,
    QueuePressureMetrics,
    QueueStats,
)

OVERFLOW_ERROR = "overflow: the queue was full"
"""The error of an entry that had to make room."""


def pressure(
    name: str, stats: QueueStats, *, threshold: float, policy: QueueOverflowPolicy
) -> QueuePressureMetrics:
    """Return how full the queue *name* is; *threshold* is the share that raises a warning."""
    ratio = stats.depth / stats.capacity
    return QueuePressureMetrics(
        queue_name=name,
        current_length=stats.depth,
        max_size=stats.capacity,
        fill_ratio=ratio,
        is_at_pressure_threshold=ratio >= threshold,
        is_full=stats.depth >= stats.capacity,
        overflow_policy=policy,
    )


def wanted_evictions(missing: int, policy: QueueOverflowPolicy) -> int:
    """Return how many entries should go where *missing* is the room that new ones lack."""
    return 0 if policy is QueueOverflowPolicy.REJECT else max(0, missing)


def answers(
    is_held: Sequence[bool], *, room: int, evicted: int, policy: QueueOverflowPolicy
) -> tuple[QueueAddResult, ...]:
    """Return the result of each entry of a put, in order.

    Args:
        is_held: For each entry whether the queue has it already; those need no room.
        room: How many entries fitted before anything was evicted.
        evicted: How many made room.
        policy: What a full queue does.
    """
    by_eviction = (
        QueueAddResult.SENT_TO_DLQ if policy is QueueOverflowPolicy.DLQ else QueueAddResult.SUCCESS
    )
    new = [QueueAddResult.SUCCESS] * room + [by_eviction] * evicted
    stored = iter(new)
    return tuple(
        QueueAddResult.SUCCESS if held else next(stored, QueueAddResult.REJECTED)
        for held in is_held
    )
