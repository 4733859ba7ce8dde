"""Turn the documents of the API into text for people.

Pure, and fast to import. Whatever comes from a file, a camera or a model is shown through
`printable`, so that no name on disk can move the cursor, ring the bell or reorder a line.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from unicodedata import east_asian_width

import click

from hsid.cli.client import Document
from hsid.model import Severity
from hsid.observe.logging_redaction import escape

ENDS = ("analysed", "nothing_seen", "refused", "duplicate", "dead", "pending")
COLOURS = {
    "low": "green",
    "medium": "yellow",
    "high": "red",
    "critical": "bright_red",
    "ok": "green",
    "degraded": "red",
    "parked": "red",
    "lost": "red",
}
ROLE_STATES = {
    "held": "held by this node",
    "standing_by": "standing by: another node has the role",
    "not_held": "not held, and not asked for at present",
}
NO_EVENTS = "no events"
_EVENT_HEADERS = ("EVENT", "STAR", "STARTED", "CAMERA", "SCORE", "LEVEL", "BY", "SUMMARY")
_LIMITS = {
    "size": "retention_max_bytes is taken",
    "space": "the disk has no more free than retention_min_free_bytes",
}

_GIB = 1 << 30
_MIB = 1 << 20


def printable(text: object) -> str:
    """Return *text* with every character that a terminal might obey written as its code."""
    return escape(str(text))


def coloured(word: str) -> str:
    """Return *word* in its colour if it is a level or a state, unchanged otherwise."""
    return click.style(word, fg=COLOURS[word]) if word in COLOURS else word


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return aligned columns; numbers to the right, words to the left, levels in colour."""
    raw = list(rows)
    cells = [list(headers), *([_cell(value) for value in row] for row in raw)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    to_the_right = [
        bool(raw) and all(isinstance(row[i], int | float | None) for row in raw)
        for i in range(len(headers))
    ]
    return "\n".join(_line(row, widths, to_the_right) for row in cells)


def status(document: Document) -> str:
    """Return the text of a `StatusReport`."""
    parts = [_headline(document), *_health(document), accounting(document)]
    if document["queues"]:
        parts.append(queues(document["queues"]))
    if document["actors"]:
        parts.append(_actors(document["actors"]))
    if document.get("roles"):
        parts.append(_roles(document["roles"]))
    if document.get("gpus"):  # a daemon of an older version tells of none
        parts.append(gpus(document["gpus"]))
    if document.get("retention"):  # likewise
        parts.append(room(document["retention"]))
    return "\n\n".join(parts)


def accounting(document: Document) -> str:
    """Return the sum that every upload is part of, and why some were refused."""
    uploads, refusals = document["uploads"], document["refusals"]
    if uploads["arrived"] is None:
        return "uploads: unknown, the database can't be asked"
    ends = " + ".join(f"{uploads[end]} {end.replace('_', ' ')}" for end in ENDS)
    lines = [f"uploads: {uploads['arrived']} arrived = {ends}"]
    if uploads["arrived"] != sum(uploads[end] for end in ENDS):
        lines.append("THE ACCOUNTING DOES NOT ADD UP: please report this")
    lines += [f"refused: {count} {printable(reason)}" for reason, count in refusals.items()]
    return "\n".join(lines)


def room(document: Document) -> str:
    """Return the text of a `RetentionReport`, or of what else has its outlook."""
    used, free = (_size(document[name]) for name in ("used_bytes", "free_bytes"))
    lines = f"room: {used} used, {free} free", f"days left at this rate: {_days_left(document)}"
    return "\n".join(lines)


def events(page: Document) -> str:
    """Return the text of an `EventPage`."""
    if not page["events"]:
        return NO_EVENTS
    return table(_EVENT_HEADERS, map(_event_row, page["events"]))


def event(document: Document) -> str:
    """Return the text of an `EventDetail`."""
    seen = map(_detection_row, document["detections"])
    parts = [
        table(_EVENT_HEADERS[:-1], [_event_row(document)[:-1]]),
        printable(document["summary"]),
        printable(document["reasoning"]),
        table(("UPLOAD", "CAPTURED", "CLASS", "CONFIDENCE", "BOX"), seen),
    ]
    if before := document.get("revisions"):  # a daemon of an older version tells of none
        headers = ("SAID FROM", "SCORE", "LEVEL", "BY", "SUMMARY")
        parts.append(table(headers, map(_revision_row, before)))
    return "\n\n".join(parts)


def event_stats(document: Document) -> str:
    """Return the text of an `EventStats`."""
    if not document["total"]:
        return NO_EVENTS
    by_level = document["by_level"]
    counts = {
        "DAY": document["by_day"],
        "HOUR": {f"{int(hour):02}:00": count for hour, count in document["by_hour"].items()},
        "CAMERA": document["by_camera"],
        "LEVEL": {level: by_level[level] for level in Severity if level in by_level},
    }
    tables = (table((name, "EVENTS"), each.items()) for name, each in counts.items())
    return "\n\n".join([f"events: {document['total']}", *tables])


def star(document: Document) -> str:
    """Return the text of a `StarReport`."""
    still = "" if document["changed"] else " already" if document["starred"] else " anyway"
    has = "a star" if document["starred"] else "no star"
    return f"event {document['event_id']} has {has}{still}"


def queues(reports: Sequence[Document]) -> str:
    """Return the text of some `QueueReport`s."""
    names = ("name", "ready", "leased", "delayed", "dead", "capacity")
    headers = ("QUEUE", "READY", "LEASED", "DELAYED", "DEAD", "CAPACITY", "OLDEST")
    rows = ([*(q[name] for name in names), duration(q["oldest_age_seconds"])] for q in reports)
    return table(headers, rows)


def gpus(reports: Sequence[Document]) -> str:
    """Return the text of some `GpuReport`s."""
    headers = ("GPU", "STATE", "SINCE", "BUSY", "MEMORY", "TEMPERATURE", "POWER")
    return table(headers, map(_gpu_row, reports))


def local_time(text: str) -> str:
    """Return the UTC time *text* of a document on the clock of this machine."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def local_time_with_offset(text: str) -> str:
    """Return `local_time` and its offset from UTC, as a camera's clock may be in another zone."""
    return datetime.fromisoformat(text).astimezone().isoformat(" ", "seconds")


def duration(seconds: float | None) -> str:
    """Return *seconds* in the two units that matter."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _size(size: int) -> str:
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _MIB:.1f} MiB"


def _days_left(document: Document) -> str:
    limit = _LIMITS.get(document["limit"])
    match document["outlook"]:
        case "filling":
            return f"{document['days_left']:.1f}, until {limit}"
        case "at_the_limit":
            return f"none, at the limit: {limit}, and the oldest goes early"
        case "steady":
            return "no end, as much goes by its age as comes"
        case _:
            return "unknown, there is too little history"


def _event_row(event: Document) -> tuple[object, ...]:
    return (
        event["event_id"],
        "*" if event.get("starred") else "",  # a daemon of an older version knows of none
        local_time_with_offset(event["started_at"]),
        event["camera_id"],
        event["risk_score"],
        event["risk_level"],
        _judge(event),
        event["summary"],
    )


def _revision_row(said: Document) -> tuple[object, ...]:
    return (
        local_time_with_offset(said["updated_at"]),
        said["risk_score"],
        said["risk_level"],
        _judge(said),
        said["summary"],
    )


def _judge(said: Document) -> str:
    kind: str = said["analysis"]
    return kind if said["state"] == "final" else f"{kind} (provisional)"


def _detection_row(detection: Document) -> tuple[object, ...]:
    x, y, width, height = detection["box"]
    return (
        detection["upload_id"],
        local_time_with_offset(detection["captured_at"]),
        detection["label"],
        f"{detection['confidence']:.0%}",
        f"{width}x{height} at {x},{y}",
    )


def _headline(document: Document) -> str:
    version = f"hsid {printable(document['version'])}"
    if not document["running"]:
        return f"{version}: no daemon runs; this is what its database holds"
    return f"{version}: process {document['pid']}, up {duration(document['uptime_seconds'])}"


def _health(document: Document) -> list[str]:
    health = document["health"]
    if health is None:
        return []
    troubles = (f"  {printable(trouble)}" for trouble in health["troubles"])
    return ["\n".join([f"health: {coloured(health['state'])}", *troubles])]


def _actors(actors: Sequence[Document]) -> str:
    headers = ("ACTOR", "STATE", "RESTARTS", "UP", "NEXT TRY", "LAST ERROR")
    return table(headers, map(_actor_row, actors))


def _actor_row(actor: Document) -> tuple[object, ...]:
    return (
        actor["path"],
        f"{actor['state']}, paused" if actor["paused"] else actor["state"],
        actor["restarts"],
        duration(actor["uptime_seconds"]),
        duration(actor["next_try_seconds"]),
        actor["last_error"],
    )


def _roles(roles: Sequence[Document]) -> str:
    rows = (
        [r["role"], ROLE_STATES.get(r["state"], r["state"]), local_time(r["since"])] for r in roles
    )
    return table(("ROLE", "STATE", "SINCE"), rows)


def _gpu_row(gpu: Document) -> tuple[object, ...]:
    return (
        gpu["name"],
        gpu["state"],
        local_time(gpu["since"]),
        _figure(gpu["utilization_ratio"], "{:.0%}"),
        _memory(gpu["memory_used_bytes"], gpu["memory_total_bytes"]),
        _figure(gpu["temperature_celsius"], "{:.0f} °C"),
        _figure(gpu["power_watts"], "{:.0f} W"),
    )


def _memory(used: int | None, total: int | None) -> str | None:
    if used is None or not total:
        return None
    return f"{used / _GIB:.1f} of {total / _GIB:.1f} GiB, {used / total:.0%}"


def _figure(value: float | None, form: str) -> str | None:
    return None if value is None else form.format(value)


def _cell(value: object) -> str:
    return "-" if value is None else printable(value)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _line(row: Sequence[str], widths: Sequence[int], to_the_right: Sequence[bool]) -> str:
    padded = []
    for cell, width, right in zip(row, widths, to_the_right, strict=True):
        gap = " " * (width - _width(cell))
        padded.append(gap + cell if right else coloured(cell) + gap)
    return "  ".join(padded).rstrip()
