"""Settings of the durable queues and of their dead letters."""

from typing import Literal

from hsid.config.fields import Section, setting


class Queues(Section):
    """Queues."""

    queue_max_size: int = setting(
        10_000, "A queue of this many entries is full.", unit="entries", ge=1, le=1_000_000
    )
    queue_overflow_policy: Literal["reject", "dlq", "drop_oldest"] = setting(
        "reject",
        "What a full queue does: reject (uploads wait in the ledger, nothing is lost), dlq (the"
        " oldest entry moves to the dead letters) or drop_oldest.",
    )
    queue_backpressure_threshold: float = setting(
        0.8, "A queue filled to this share raises a warning.", ge=0.0, le=1.0
    )
    max_deliveries: int = setting(
        5,
        "An entry whose handling was begun this often without an end is given up on.",
        unit="tries",
        ge=1,
        le=100,
        prefixed_only=True,
    )
    max_requeue_iterations: int = setting(
        10_000,
        "How many dead letters one call may put back.",
        unit="entries",
        ge=1,
        le=1_000_000,
    )
