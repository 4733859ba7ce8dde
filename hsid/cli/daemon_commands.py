"""`hsictl reload|drain|resume|stop|log-level|latency`: the daemon as a whole.

Imports nothing heavy.
"""

import click

from hsid.cli import terminal, text
from hsid.cli.client import Document
from hsid.cli.span import Span
from hsid.cli.target import Target

LEVELS = ("debug", "info", "warning", "error", "critical")
_STAGE_HEADERS = ("STAGE", "COUNT", "AVERAGE", "P50", "P95", "P99", "LONGEST")


@click.command()
@terminal.as_json_option
@click.pass_obj
def reload(target: Target, *, as_json: bool) -> None:
    """Read the settings anew, and take up what can be; unusable ones change nothing."""
    document = target.change("/v1/daemon/reload")
    terminal.show(document, as_json=as_json, render=text_of_reload)


@click.command()
@click.option("--within", type=Span(), help="How long to wait, as 30s; else as the settings say.")
@terminal.as_json_option
@click.pass_obj
def drain(target: Target, within: float | None, *, as_json: bool) -> None:
    """Take no new work, and wait until what is in hand is finished; `resume` ends that.

    Exit code 6 if something was not finished in time.
    """
    body = {} if within is None else {"within_seconds": within}
    document = target.change("/v1/daemon/drain", body, within=within or 300)
    terminal.show(document, as_json=as_json, render=text_of_drain)
    if not document["finished"]:
        terminal.fail("hsictl: not everything was finished in time", 6)


@click.command()
@terminal.as_json_option
@click.pass_obj
def resume(target: Target, *, as_json: bool) -> None:
    """Take work again after `drain`."""
    document = target.change("/v1/daemon/resume")
    terminal.show(document, as_json=as_json, render=lambda _: "the daemon takes work again")


@click.command()
@click.option("--now", is_flag=True, help="Finish nothing first.")
@terminal.yes_option
@terminal.as_json_option
@click.pass_obj
def stop(target: Target, *, now: bool, yes: bool, as_json: bool) -> None:
    """Stop the daemon, after what is in hand is finished; returns at once."""
    terminal.confirm("Stop the daemon?", yes=yes)
    document = target.change("/v1/daemon/stop", {"urgent": now})
    terminal.show(document, as_json=as_json, render=lambda _: "the daemon stops")


@click.command("log-level")
@click.argument("words", metavar="[[LOGGER] LEVEL]", nargs=-1)
@click.option("--for", "span", type=Span(), help="Then it is as before; 10m for example.")
@terminal.as_json_option
@click.pass_obj
def log_level(target: Target, words: tuple[str, ...], span: float | None, *, as_json: bool) -> None:
    """Show from which level on what is logged, or change it while the daemon runs.

    LEVEL is debug, info, warning, error or critical. LOGGER is a part of hsid with all below it,
    `actors.detector` or `hsid` for example; without one it is everything.
    """
    if not words:
        if span is not None:
            raise click.UsageError("--for needs a LEVEL")
        terminal.show(target.get("/v1/log-levels"), as_json=as_json, render=text_of_levels)
        return
    document = target.change("/v1/log-levels", _level_asked(words, span), method="PUT")
    terminal.show(document, as_json=as_json, render=text_of_level)


def _level_asked(words: tuple[str, ...], span: float | None) -> Document:
    *logger, level = words
    if level.lower() not in LEVELS or len(logger) > 1:
        raise click.UsageError(f"write [LOGGER] LEVEL, LEVEL one of {', '.join(LEVELS)}")
    body: Document = {"level": level.upper()}
    if logger:
        body["logger"] = logger[0]
    if span is not None:
        body["for_seconds"] = span
    return body


@click.command()
@click.option(
    "--window",
    type=click.IntRange(1, 1440),
    default=60,
    show_default=True,
    help="Of the last so many minutes.",
)
@terminal.as_json_option
@click.pass_obj
def latency(target: Target, window: int, *, as_json: bool) -> None:
    """Show how long uploads took from step to step."""
    document = target.get("/v1/latency", {"window_minutes": window})
    terminal.show(document, as_json=as_json, render=text_of_latency)


def text_of_reload(document: Document) -> str:
    """Return the text of a `Reloaded`."""
    applied, waiting = document["applied"], document["needs_restart"]
    lines = [f"taken up: {', '.join(applied) or 'nothing, nothing has changed that could be'}"]
    if waiting:
        lines.append(f"a restart is needed for: {', '.join(waiting)}")
    return "\n".join(map(text.printable, lines))


def text_of_drain(document: Document) -> str:
    """Return the text of a `Drained`."""
    if document["finished"]:
        return "drained: nothing is in hand, and nothing new is taken until `hsictl resume`"
    return f"{document['left']} entries are in hand still; nothing new is taken"


def text_of_levels(document: Document) -> str:
    """Return the text of a `LevelList`."""
    rows = ((each["logger"], each["level"].lower(), _set_back(each)) for each in document["levels"])
    return text.table(("LOGGER", "LEVEL", "SET BACK IN"), rows)


def text_of_level(document: Document) -> str:
    """Return the text of a `LevelReport`."""
    shown = f"{text.printable(document['logger'])}: {document['level'].lower()}"
    if document["seconds_left"] is None:
        return f"{shown}, until the daemon ends"
    return f"{shown}, for {text.duration(document['seconds_left'])}"


def text_of_latency(document: Document) -> str:
    """Return the text of a `LatencyReport`."""
    names = ("avg", "p50", "p95", "p99", "max")
    rows = (
        (each["stage"], each["count"], *(_seconds(each[f"{name}_seconds"]) for name in names))
        for each in document["stages"]
    )
    return text.table(_STAGE_HEADERS, rows)


def _set_back(level: Document) -> str | None:
    left = level["seconds_left"]
    return None if left is None else text.duration(left)


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f} s"
