"""How the house is, read from what its parts say of themselves: for the doors, and for health.

Nothing here asks a server; what can't be told from memory is asked by whoever needs it.
"""

from collections.abc import Callable, Iterator
from functools import partial

from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.house import House
from hsid.sampling import Sampler
from supervision import ChildSnapshot, LoopMonitor


def outages(house: House) -> Iterator[str]:
    """Say what is wrong with that on which the actors lean, as far as no actor fails over it."""
    trouble, redis = house.store.statistics().trouble, house.backing.redis
    if trouble is not None:
        yield trouble
    if redis is not None and not redis.state.is_connected:
        yield redis.state.last_error or "Redis has not answered yet"
    yield from house.gpus.troubles


def mailboxes(house: House) -> dict[str, int]:
    """Return what waits in memory for which actor."""
    detections, analyses = house.detection_consumer, house.analysis_consumer
    waiting = {
        "platform/detection-pump": detections.statistics().waiting,
        "platform/detection-committer": detections.statistics().pending,
        "platform/analysis-pump": analyses.statistics().waiting,
        "platform/analysis-committer": analyses.statistics().pending,
        "platform/store-writer": house.store.statistics().in_flight,
    }
    if house.backing.redis is not None:
        waiting["pipeline/announcer"] = house.announcements.statistics().waiting
    return waiting


def sampler(house: House, tree: Callable[[], ChildSnapshot], monitor: LoopMonitor) -> Sampler:
    """Return what reads the state of *house* for a page of metrics."""
    settings, redis = house.settings, house.backing.redis
    return Sampler(
        house.store,
        (house.backing.detection_queue, house.backing.analysis_queue),
        {DETECTION_QUEUE: house.detection_consumer, ANALYSIS_QUEUE: house.analysis_consumer},
        tree,
        monitor.statistics,
        partial(outages, house),
        None if redis is None else lambda: redis.state.is_connected,
        settings.queue_backpressure_threshold,
        lambda: house.gpus.cards,
        {"data": settings.data_dir, "cameras": settings.foscam_base_path},
    )
