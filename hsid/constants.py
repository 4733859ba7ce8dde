"""Names of the durable queues and of their dead letters, and an exit status that others know."""

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: a person must change something; systemd is told not to start again."""

DETECTION_QUEUE = "detection_queue"
ANALYSIS_QUEUE = "analysis_queue"

DLQ_PREFIX = "dlq:"
DLQ_OVERFLOW_PREFIX = "dlq:overflow:"
DLQ_DETECTION_QUEUE = f"{DLQ_PREFIX}{DETECTION_QUEUE}"
DLQ_ANALYSIS_QUEUE = f"{DLQ_PREFIX}{ANALYSIS_QUEUE}"


def get_dlq_name(queue_name: str) -> str:
    """Return the name under which the dead letters of *queue_name* are kept."""
    return f"{DLQ_PREFIX}{queue_name}"


def get_dlq_overflow_name(queue_name: str) -> str:
    """Return the name under which entries pushed out of a full *queue_name* are kept."""
    return f"{DLQ_OVERFLOW_PREFIX}{queue_name}"
