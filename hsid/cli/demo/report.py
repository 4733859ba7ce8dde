"""What the demo has to show in the end: one JSON document, or the same for people.

Pure: made of the documents that the control socket gave.
"""

from collections.abc import Sequence

from hsid.cli import text
from hsid.cli.client import Document

EVENT_FIELDS = (
    "event_id",
    "camera_id",
    "started_at",
    "risk_score",
    "risk_level",
    "analysis",
    "summary",
    "reasoning",
    "detections",
)


def summarize(status: Document, events: Sequence[Document], seconds: float) -> Document:
    """Return the document of the demo from a `StatusReport` and `EventDetail`s."""
    return {
        "uploads": status["uploads"],
        "refusals": status["refusals"],
        "events": [{name: event[name] for name in EVENT_FIELDS} for event in events],
        "seconds": round(seconds, 1),
    }


def is_accounted_for(status: Document, expected: int) -> bool:
    """Tell whether all *expected* uploads have come to an end, and no queue holds any work."""
    uploads = status["uploads"]
    waiting = sum(q["ready"] + q["leased"] + q["delayed"] for q in status["queues"])
    return bool(uploads["arrived"] >= expected and uploads["pending"] == 0 and waiting == 0)


def has_succeeded(status: Document, expected: int) -> bool:
    """Tell whether nothing is left over and the accounting adds up."""
    return is_accounted_for(status, expected) and bool(status["adds_up"])


def render(summary: Document) -> str:
    """Return the document of `summarize` for people: events, why, and the accounting."""
    parts = [_events(summary["events"]), *map(_reasons, summary["events"])]
    parts.append(text.accounting(summary))
    parts.append(f"{summary['seconds']} s")
    return "\n\n".join(parts)


def announce(event: Document, *, is_new: bool) -> str:
    """Return the line that tells of *event* when it comes, or was judged again with more seen."""
    number = f"event {event['event_id']}{'' if is_new else ' again'}"
    started = text.local_time(event["started_at"])
    camera, summary = text.printable(event["camera_id"]), text.printable(event["summary"])
    risk = f"risk {event['risk_score']} {text.coloured(event['risk_level'])}"
    return f"{number:14}{started}  {camera}  {risk}  {summary}"


def _events(events: Sequence[Document]) -> str:
    if not events:
        return text.NO_EVENTS
    headers = ("EVENT", "STARTED", "CAMERA", "SCORE", "LEVEL", "SUMMARY")
    rows = (
        (
            event["event_id"],
            text.local_time(event["started_at"]),
            event["camera_id"],
            event["risk_score"],
            event["risk_level"],
            event["summary"],
        )
        for event in events
    )
    return text.table(headers, rows)


def _reasons(event: Document) -> str:
    lines = "\n".join(f"  {text.printable(line)}" for line in event["reasoning"].splitlines())
    return f"why event {event['event_id']} is {event['risk_level']}:\n{lines}"
