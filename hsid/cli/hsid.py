"""`hsid`: run the daemon, see it at work, look at what it has stored.

Whatever is heavy is imported inside of the command that needs it.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hsid import __version__
from hsid.cli import terminal, text
from hsid.cli.client import Document
from hsid.cli.completion import of_hsid
from hsid.cli.config_commands import check_config, config, read_settings
from hsid.cli.db_commands import db
from hsid.cli.doctor_command import doctor
from hsid.cli.event_commands import events_group
from hsid.cli.export import Asked
from hsid.cli.retention_commands import retention

if TYPE_CHECKING:
    from hsid.cli import look

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""Those that mean something to the daemon."""

CONFIG_HELP = "Configuration file; otherwise the usual places are looked at."

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help=CONFIG_HELP,
)


@click.group(context_settings=terminal.GROUP_SETTINGS)
@terminal.version_option(prog_name="hsid")
@click.pass_context
def main(context: click.Context) -> None:
    """Watch camera uploads, detect, group, judge and tell.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 a daemon runs and can't be reached, 4 not permitted, 5
    not found, 6 timed out, 78 the configuration can't be used.
    """
    terminal.respect_no_color(context)


@main.command()
@config_option
@click.option(
    "--roles", metavar="ROLE,...", help="Run these parts of the pipeline; all by default."
)
def run(config_file: Path | None, roles: str | None) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    SIGHUP reads the settings anew, SIGUSR1 writes the task tree to stderr. Exit codes: 0 stopped,
    1 failed or another daemon has the data, 70 a part would not end or held up all others, 78 the
    configuration or the database can't be used; 128 + n after a third signal n.
    """
    with _holding_signals_back():
        given = {} if roles is None else {"roles": roles}
        settings = read_settings(config_file, **given)
        from hsid.config import load_settings  # noqa: PLC0415 - loaded by now
        from hsid.daemon import run as run_daemon  # noqa: PLC0415 - the whole house
        from hsid.observe.logging import setup_logging  # noqa: PLC0415 - structlog

        setup_logging(settings)
        sys.exit(run_daemon(settings, partial(load_settings, config_file, **given)))


@contextmanager
def _holding_signals_back() -> Iterator[None]:
    """Keep signals until the daemon listens: before, they would end the process out of order."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@main.command()
@click.option("--once", is_flag=True, help="End when the story is told and accounted for.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; with --once.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for data and pictures, kept afterwards.",
)
def demo(*, once: bool, as_json: bool, keep: Path | None) -> None:
    """Run the whole pipeline on real photographs, in a folder of its own."""
    if as_json and not once:
        raise click.UsageError("--json needs --once: a demo that goes on has no one result")
    from hsid.cli.demo import command, story  # noqa: PLC0415 - Pillow and the whole house

    sys.exit(command.run(story.tell_story(), once=once, as_json=as_json, keep=keep))


@main.command()
@config_option
@terminal.as_json_option
def status(*, config_file: Path | None, as_json: bool) -> None:
    """Show the accounting and the queues, whether a daemon runs or not."""
    settings = read_settings(config_file)
    from hsid.cli import look  # noqa: PLC0415 - SQLAlchemy

    terminal.show(look.status(settings), as_json=as_json, render=text.status)


@main.command()
def version() -> None:
    """Print the version of this program, as --version does."""
    click.echo(f"hsid {__version__}")


class House:
    """The events of the house that a configuration names, whether a daemon runs or not."""

    def __init__(self, config_file: Path | None) -> None:
        self._config_file = config_file

    def page(self, asked: Asked) -> Document:
        """Return a page of events."""
        return self._events.page(asked)

    def stats(self, asked: Asked) -> Document:
        """Return counts of events."""
        return self._events.stats(asked)

    def event(self, event_id: int) -> Document:
        """Return one event."""
        return self._events.event(event_id)

    def change_star(self, event_id: int, *, starred: bool) -> Document:
        """Give an event a star, or take it."""
        return self._events.change_star(event_id, starred=starred)

    @cached_property
    def _events(self) -> "look.Events":
        settings = read_settings(self._config_file)
        from hsid.cli import look  # noqa: PLC0415 - SQLAlchemy

        return look.Events(settings)


main.add_command(
    events_group(
        click.option(
            "--config",
            "source",
            type=click.Path(path_type=Path),
            callback=lambda _context, _option, file: House(file),
            help=CONFIG_HELP,
        )
    )
)
main.add_command(check_config)
main.add_command(config)
main.add_command(db)
main.add_command(doctor)
main.add_command(of_hsid)
main.add_command(retention)


if __name__ == "__main__":
    main()
