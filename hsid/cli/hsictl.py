"""`hsictl`: ask a running daemon over its control socket, and steer it.

Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not reachable, 4 not permitted, 5 not found, 6 timed
out, 78 the configuration can't be used. Starts within 150 ms: only the command that is called is
imported, and what is heavy inside of those that need it.
"""

import os
from pathlib import Path

import click

from hsid import __version__
from hsid.cli import client, terminal
from hsid.cli.lazy import LazyGroup
from hsid.cli.span import Span
from hsid.cli.target import Target

COMMANDS = {
    "status": "hsid.cli.house_commands:status",
    "tree": "hsid.cli.actor_commands:tree",
    "actor": "hsid.cli.actor_commands:actor",
    "queue": "hsid.cli.queue_commands:queue_group",
    "dlq": "hsid.cli.queue_commands:dlq_group",
    "events": "hsid.cli.tail:events",
    "cameras": "hsid.cli.house_commands:cameras",
    "latency": "hsid.cli.daemon_commands:latency",
    "gpu": "hsid.cli.house_commands:gpu",
    "changes": "hsid.cli.house_commands:changes",
    "logs": "hsid.cli.house_commands:logs",
    "reload": "hsid.cli.daemon_commands:reload",
    "drain": "hsid.cli.daemon_commands:drain",
    "resume": "hsid.cli.daemon_commands:resume",
    "stop": "hsid.cli.daemon_commands:stop",
    "log-level": "hsid.cli.daemon_commands:log_level",
    "config": "hsid.cli.config_commands:config",
    "db": "hsid.cli.db_commands:db",
    "doctor": "hsid.cli.doctor_command:doctor",
    "completion": "hsid.cli.completion:of_hsictl",
}
"""Where each command lies, in the order of the help."""


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings=terminal.GROUP_SETTINGS)
@terminal.version_option(prog_name="hsictl")
@click.option(
    "--socket",
    "socket_path",
    type=click.Path(path_type=Path),
    help="Control socket of the daemon. Otherwise HSID_CONTROL_SOCKET, HSID_CONTROL_SOCKET_PATH,"
    " the runtime directory, /run/hsid/control.sock, ./data/control.sock.",
)
@click.option(
    "--timeout",
    type=Span(),
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
@terminal.as_json_option
def version(*, as_json: bool) -> None:
    """Print the version of this program, as --version does."""
    document = {"program": "hsictl", "version": __version__, "api": client.API_VERSION}
    terminal.show(document, as_json=as_json, render=lambda _: f"hsictl {__version__}")


if __name__ == "__main__":
    main()
