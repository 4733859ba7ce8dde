"""What dead letters say: one line of error, where it came up, where the entry was before. Pure."""

import traceback
from datetime import UTC, datetime

from hsid.observe.logging_redaction import clean_traceback
from hsid.queues.protocol import Origin
from hsid.store.columns import clean

_DEEPEST = 10
"""Frames of a traceback, counted from the one that raised."""
_LONGEST_TRACEBACK = 4000


def in_one_line(error: str) -> str:
    """Return *error* without line breaks, fit for any database."""
    return " ".join(clean(error).splitlines())


def trimmed_traceback(error: BaseException) -> str:
    """Return where *error* came up, its end if it is long, without secrets."""
    frames = traceback.format_tb(error.__traceback__, limit=-_DEEPEST)
    return clean_traceback("".join(frames).rstrip())[-_LONGEST_TRACEBACK:]


def requeue_limit(wanted: int | None, most: int) -> int:
    """Return how many letters one call puts back: as many as *wanted*, and never above *most*."""
    return most if wanted is None else min(wanted, most)


def origin_text(origin: Origin) -> str:
    """Return *origin* as the embedded queue keeps it."""
    return f"{origin.queue} {origin.died_at.timestamp()}"


def origin_from(text: str | None) -> Origin | None:
    """Return what `origin_text` was given, None for no text."""
    if not text:
        return None
    queue, died_at = text.rsplit(" ", 1)
    return Origin(queue, datetime.fromtimestamp(float(died_at), UTC))
