"""`hsictl`: ask a running daemon, over its control socket.

Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not reachable, 4 not permitted, 5 not found, 6 timed
out. Starts within 150 ms, so it imports the standard library and click only.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import click

from hsid import __version__
from hsid.cli import client, terminal, text
from hsid.cli.event_commands import events_group
from hsid.cli.export import Asked


@dataclass(frozen=True, slots=True)
class Target:
    """Which daemon to ask, and how long to wait for it."""

    socket: Path
    timeout: float

    def get(self, path: str, asked: Asked | None = None) -> client.Document:
        """Return the daemon's document; end the program in words if there is none."""
        try:
            return client.get(self.socket, path, asked, timeout=self.timeout)
        except client.ControlError as error:
            terminal.fail(f"hsictl: {error}", error.exit_code)

    def change_star(self, event_id: int, *, starred: bool) -> client.Document:
        """Have the daemon give or take a star; end the program in words if it can't."""
        try:
            return client.change_star(self.socket, event_id, starred=starred, timeout=self.timeout)
        except client.ControlError as error:
            terminal.fail(f"hsictl: {error}", error.exit_code)

    def page(self, asked: Asked) -> client.Document:
        """Return a page of events."""
        return self.get("/v1/events", asked)

    def stats(self, asked: Asked) -> client.Document:
        """Return counts of events."""
        return self.get("/v1/events/stats", asked)

    def event(self, event_id: int) -> client.Document:
        """Return one event."""
        return self.get(f"/v1/events/{event_id}")


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
    default=10.0,
    show_default=True,
    help="Seconds to wait for an answer.",
)
@click.pass_context
def main(context: click.Context, socket_path: Path | None, timeout: float) -> None:
    """Ask the hsid daemon how it is and what it saw.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not reachable, 4 not permitted, 5 not found, 6
    timed out.
    """
    terminal.respect_no_color(context)
    context.obj = Target(socket_path or client.find_socket(os.environ), timeout)


@main.command()
@terminal.as_json_option
@click.pass_obj
def status(target: Target, *, as_json: bool) -> None:
    """Show the accounting, the queues and the actors; what can't be counted now is unknown."""
    terminal.show(target.get("/v1/status"), as_json=as_json, render=text.status)


@main.command()
def version() -> None:
    """Print the version of this program, as --version does."""
    click.echo(f"hsictl {__version__}")


main.add_command(events_group(click.pass_obj))
