"""The tables. `hsid/store/migrations` builds them; a test keeps the two equal.

Ledger and queues share one database, so that a completion is one transaction.
"""

from hsid.store.schema.alerts import alerts, deliveries, event_revisions, stars
from hsid.store.schema.base import metadata
from hsid.store.schema.pipeline import (
    OPEN,
    PROVISIONAL,
    UNFINISHED,
    baseline_weeks,
    baselines,
    batches,
    cameras,
    dedupe,
    detections,
    event_labels,
    events,
    upload_counts,
    uploads,
)
from hsid.store.schema.queues import dead_letters, queue_entries
from hsid.store.schema.records import api_keys, audit, gpu_stats, logs

__all__ = [
    "OPEN",
    "PROVISIONAL",
    "UNFINISHED",
    "alerts",
    "api_keys",
    "audit",
    "baseline_weeks",
    "baselines",
    "batches",
    "cameras",
    "dead_letters",
    "dedupe",
    "deliveries",
    "detections",
    "event_labels",
    "event_revisions",
    "events",
    "gpu_stats",
    "logs",
    "metadata",
    "queue_entries",
    "stars",
    "upload_counts",
    "uploads",
]
