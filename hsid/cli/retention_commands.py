"""`hsid retention run|status`: sweep by hand while no daemon runs, and look at any time.

A dry run and the status only read, beside a daemon, too. Nothing is created.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hsid.cli import terminal, text
from hsid.cli.client import Document
from hsid.cli.config_commands import read_settings

if TYPE_CHECKING:
    from hsid.config import Settings

_CONFIG = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Configuration file; otherwise the usual places are looked at.",
)


@click.group()
def retention() -> None:
    """Delete what has been kept long enough, or see what that would be."""


@retention.command("run")
@_CONFIG
@click.option("--dry-run", is_flag=True, help="Only print what would be deleted.")
@terminal.as_json_option
def run_(*, config_file: Path | None, dry_run: bool, as_json: bool) -> None:
    """Do one round of retention now.

    A running daemon does its rounds by itself; beside it only --dry-run is possible.
    """
    settings = read_settings(config_file)
    document = _sweep(settings, is_dry_run=dry_run)
    terminal.show(document, as_json=as_json, render=text_of_run)


@retention.command()
@_CONFIG
@terminal.as_json_option
def status(*, config_file: Path | None, as_json: bool) -> None:
    """Show the limits, and what there is."""
    from hsid.cli.retention_runs import status_of  # noqa: PLC0415 - SQLAlchemy
    from hsid.store.errors import StoreError  # noqa: PLC0415 - likewise

    settings = read_settings(config_file)
    try:
        document = status_of(settings)
    except StoreError as error:
        terminal.fail(f"hsid: {error}", 1)
    terminal.show(document, as_json=as_json, render=text_of_status)


def text_of_run(document: Document) -> str:
    """Return the text of what a round deleted, or would."""
    if document["standstill"]:
        return text.printable(document["standstill"])
    lines = [f"note: {text.printable(remark)}" for remark in document["remarks"]]
    rows = [
        (each["kind"].replace("_", " "), each["name"], each["camera_id"], each["reason"])
        for each in document["items"]
    ]
    if rows:
        lines.append(text.table(("WHAT", "WHICH", "CAMERA", "WHY"), rows))
    done = "would be deleted" if document["dry_run"] else "deleted"
    counts = [f"{count} {kind.replace('_', ' ')}" for kind, count in document["counts"].items()]
    return "\n".join([*lines, f"{done}: {', '.join(counts) or 'nothing'}"])


def text_of_status(document: Document) -> str:
    """Return the text of limits and sizes, and how long the room lasts."""
    lines = [
        f"{name.replace('_', ' ')}: {'-' if value is None else text.printable(value)}"
        for name, value in document.items()
        if name not in {"outlook", "days_left", "limit"}
    ]
    return "\n".join([*lines, text.room(document)])


def _sweep(settings: "Settings", *, is_dry_run: bool) -> Document:
    from hsid.cli import retention_runs  # noqa: PLC0415 - SQLAlchemy
    from hsid.store.errors import DataDirLockedError, StoreError  # noqa: PLC0415 - likewise

    try:
        if is_dry_run:
            return retention_runs.dry_run(settings)
        return retention_runs.real_run(settings)
    except DataDirLockedError as error:
        terminal.fail(
            f"hsid: {error}\n"
            f"It does a round of retention every {settings.retention_interval_minutes} minutes;"
            " --dry-run shows what that will delete.",
            1,
        )
    except StoreError as error:
        terminal.fail(f"hsid: {error}", 1)
