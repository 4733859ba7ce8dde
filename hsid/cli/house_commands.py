"""`hsictl status|cameras|gpu|changes|logs`: how the house is.

Imports nothing heavy.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import click

from hsid.cli import terminal, text
from hsid.cli.client import Document
from hsid.cli.moments import Moment
from hsid.cli.target import Target

LAGGED = (
    "hsictl: the daemon ended the stream, as too little of it was read: some events are missing"
)
OVER = "hsictl: the daemon has stopped"

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


@click.command()
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1),
    default=2.0,
    show_default=True,
    help="Seconds between two looks of --watch.",
)
@terminal.as_json_option
@click.pass_obj
def status(target: Target, *, watch: bool, interval: float, as_json: bool) -> None:
    """Show the accounting, the queues, the actors, the room, and what is wrong."""
    if not watch:
        terminal.show(target.get("/v1/status"), as_json=as_json, render=text.status)
        return
    with terminal.until_interrupted():
        while True:
            _show_anew(target.get("/v1/status"), as_json=as_json, render=text.status)
            time.sleep(interval)


@click.command()
@terminal.as_json_option
@click.pass_obj
def cameras(target: Target, *, as_json: bool) -> None:
    """List the cameras, and when they were last heard of."""
    terminal.show(target.get("/v1/cameras"), as_json=as_json, render=text_of_cameras)


@click.command()
@terminal.as_json_option
@click.pass_obj
def gpu(target: Target, *, as_json: bool) -> None:
    """Show the graphics cards."""
    terminal.show(target.get("/v1/gpus"), as_json=as_json, render=text_of_gpus)


@click.command()
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most."
)
@terminal.as_json_option
@click.pass_obj
def changes(target: Target, limit: int, *, as_json: bool) -> None:
    """List who changed what, the latest first."""
    document = target.get("/v1/changes", {"limit": limit})
    terminal.show(document, as_json=as_json, render=text_of_changes)


def _show_anew(document: Document, *, as_json: bool, render: Callable[[Document], str]) -> None:
    """Show *document* in place of the one before, or as one line of JSON."""
    if as_json:
        click.echo(json.dumps(document))
    else:
        click.clear()  # does nothing where there is no terminal
        click.echo(f"{render(document)}\n")


@click.command()
@click.option("--level", type=click.Choice(LOG_LEVELS), help="At least this level.")
@click.option("--logger", metavar="NAME", help="This part of hsid, and those below it.")
@click.option("--camera", metavar="ID", help="About this camera.")
@click.option("--since", type=Moment(), help="Logged then or later.")
@click.option("--until", type=Moment(), help="Logged before then.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="The latest."
)
@terminal.as_json_option
@click.pass_obj
def logs(target: Target, /, *, as_json: bool, **asked: Any) -> None:
    """Show the latest lines of the log, the oldest first, as far as the database has them.

    `log_db_min_level` decides what it has; the journal and the log file have the rest.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    if "level" in given:
        given["level"] = given["level"].upper()
    terminal.show(target.get("/v1/logs", given), as_json=as_json, render=text_of_lines)


def text_of_lines(document: Document) -> str:
    """Return the text of a `LineList`."""
    if not document["lines"]:
        return "no lines"
    return "\n".join(map(_log_line, reversed(document["lines"])))


def _log_line(line: Document) -> str:
    fields = " ".join(f"{name}={value}" for name, value in line["fields"].items())
    words = f"{line['level'].lower():<8} {line['logger']} {line['event']} {fields}"
    return f"{text.local_time(line['recorded_at'])} {text.printable(words.rstrip())}"


def text_of_cameras(document: Document) -> str:
    """Return the text of a `CameraList`."""
    if not document["cameras"]:
        return "no cameras"
    headers = ("CAMERA", "NAME", "PLACE", "LAST SEEN", "LAST STORED", "PENDING")
    return text.table(headers, map(_camera_row, document["cameras"]))


def text_of_gpus(document: Document) -> str:
    """Return the text of a `GpuList`."""
    return text.gpus(document["gpus"]) if document["gpus"] else "no graphics cards"


def text_of_changes(document: Document) -> str:
    """Return the text of a `ChangeList`."""
    if not document["changes"]:
        return "no changes"
    headers = ("WHEN", "WHO", "WHAT", "TO", "RESULT")
    return text.table(headers, map(_change_row, document["changes"]))


def _camera_row(camera: Document) -> tuple[object, ...]:
    return (
        camera["camera_id"],
        camera["name"],
        camera["place"],
        _moment(camera["last_seen_at"]),
        _moment(camera["last_stored_at"]),
        camera["pending"],
    )


def _change_row(change: Document) -> tuple[object, ...]:
    return (
        _moment(change["recorded_at"]),
        change["actor"],
        change["action"],
        change["target"],
        change["error"] or "done",
    )


def _moment(moment: str | None) -> str | None:
    return None if moment is None else text.local_time(moment)
