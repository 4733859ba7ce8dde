"""The roles that a node can take: which parts of the pipeline it runs.

Of detectors and analyzers there may be any number, on any number of nodes, that share the work. Of
the others one at a time is enough; a second one is harmless, as all they do is guarded by the
store.
"""

from enum import StrEnum


class Role(StrEnum):
    """A part of the pipeline that a node may run or leave to others."""

    WATCHER = "watcher"
    """Takes in what the cameras upload to this node."""
    DETECTOR = "detector"
    BATCHER = "batcher"
    ANALYZER = "analyzer"
    RECONCILER = "reconciler"
    """Fills the queues from the ledger."""
    RETENTION = "retention"
    """Deletes what has been kept long enough."""


ALL_ROLES = tuple(Role)
