"""`hsictl events`: what both programs have, and `tail`, which needs a daemon.

Imports nothing heavy.
"""

import json
from typing import Any

import click

from hsid.cli import terminal, text
from hsid.cli.client import Document
from hsid.cli.event_commands import LEVELS, events_group
from hsid.cli.target import Target

_SCORE = click.IntRange(0, 100)
LAGGED = "hsictl: too little was read of what happened, so the daemon ended it: events are missing"
OVER = "hsictl: the daemon has stopped"

events = events_group(click.pass_obj)


@events.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with events as they happen.")
@click.option(
    "-n", "last", type=click.IntRange(0, 200), default=10, show_default=True, help="How many."
)
@click.option("--camera", metavar="ID", help="Of this camera.")
@click.option("--level", type=click.Choice(LEVELS), help="Exactly this level.")
@click.option("--min-score", type=_SCORE, help="With this risk score or more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def tail(target: Target, /, *, follow: bool, as_json: bool, **asked: Any) -> None:
    """Show the latest events, the oldest first, and with -f those that happen.

    An event that was judged anew is told again, under the same number.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    show = _json_line if as_json else _event_line
    with terminal.until_interrupted():
        for line in target.lines("/v1/live/events", given | {"follow": int(follow)}):
            if line["type"] == "event":
                show(line["event"])
            elif line["type"] != "open":
                _end(line["type"], follow=follow)


def _end(why: str, *, follow: bool) -> None:
    if why == "lagged":
        terminal.fail(LAGGED, 1)
    if follow:
        terminal.warn(OVER)


def _json_line(event: Document) -> None:
    click.echo(json.dumps(event))


def _event_line(event: Document) -> None:
    by = "" if event["state"] == "final" else " (provisional)"
    click.echo(
        f"{text.local_time_with_offset(event['started_at'])}  {event['event_id']:>6}"
        f"  {text.printable(event['camera_id'])}  {event['risk_score']:>3}"
        f"  {text.coloured(event['risk_level'])}{by}  {text.printable(event['summary'])}"
    )
