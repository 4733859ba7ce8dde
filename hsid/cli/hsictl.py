"""`hsictl`: ask a running daemon over its control socket, and steer it.

Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not reachable, 4 not permitted, 5 not found, 6 timed
out, 78 the configuration can't be used. Starts within 150 ms, so it imports the standard library
and click only; what is heavy is imported inside of the command that needs it.
"""

import os
from pathlib import Path

import click

from hsid import __version__
from hsid.cli import client, terminal
from hsid.cli.actor_commands import actor, tree
from hsid.cli.config_commands import config
from hsid.cli.daemon_commands import drain, latency, log_level, reload, resume, stop
from hsid.cli.db_commands import db
from hsid.cli.event_commands import events_group
from hsid.cli.house_commands import cameras, changes, gpu, status, tail
from hsid.cli.queue_commands import dlq_group, queue_group
from hsid.cli.target import Target


@click.group(context_settings=terminal.GROUP_SETTINGS)
@terminal.version_option(prog_name="hsictl")
@click.option(
    "--socket",
    "socket_path",
    type=click.Path(path_type=Path),
    help="Control socket of the daemon. Otherwise HSID_CONTROL_SOCKET, the runtime directory,"
    " /run/hsid/control.sock, ./data/control.sock.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    help="Seconds to wait for an answer; 10 for questions, 90 for changes unless given.",
)
@click.pass_context
def main(context: click.Context, socket_path: Path | None, timeout: float | None) -> None:
    """Ask the hsid daemon how it is and what it saw, and steer it.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not reachable, 4 not permitted, 5 not found, 6
    timed out, 78 the configuration can't be used.
    """
    terminal.respect_no_color(context)
    context.obj = Target(socket_path or client.find_socket(os.environ), timeout)


@main.command()
def version() -> None:
    """Print the version of this program, as --version does."""
    click.echo(f"hsictl {__version__}")


_events = events_group(click.pass_obj)
_events.add_command(tail)

for _command in (
    *(status, tree, actor, queue_group, dlq_group, _events),
    *(cameras, gpu, latency, changes),
    *(reload, drain, resume, stop, log_level),
    *(config, db),
):
    main.add_command(_command)


if __name__ == "__main__":
    main()
