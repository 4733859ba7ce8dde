"""`events list|show|search|stats|export|star|unstar`, in `hsid` as in `hsictl`; alone it is `list`.

Imports nothing heavy. What is wrong with an option is said here, in words and with exit code 2, so
that the daemon and the file are asked only what they can answer.
"""

from datetime import datetime
from typing import Any, Protocol

import click
from click.core import ParameterSource

from hsid.cli import export, terminal, text
from hsid.cli.client import Document
from hsid.cli.export import Asked
from hsid.cli.moments import Moment

# Written out: importing the records takes longer than all else that a command does.
LEVELS = ("low", "medium", "high", "critical")
STATES = ("provisional", "final")


class EventSource(Protocol):
    """Who is asked; ends the program in words where there is no answer to be had."""

    def page(self, asked: Asked) -> Document:
        """Return the `EventPage` for the parameters *asked*."""
        ...

    def stats(self, asked: Asked) -> Document:
        """Return the `EventStats` for the parameters *asked*."""
        ...

    def event(self, event_id: int) -> Document:
        """Return the `EventDetail` of one event."""
        ...

    def change_star(self, event_id: int, *, starred: bool) -> Document:
        """Give an event a star or take it; return the `StarReport`."""
        ...


_FILTERS = (
    click.option("--camera", metavar="ID", help="Of this camera."),
    click.option("--level", type=click.Choice(LEVELS), help="Exactly this level."),
    click.option("--label", metavar="CLASS", help="With this class in it, person say."),
    click.option("--since", type=Moment(), help="Begun then or later."),
    click.option("--until", type=Moment(), help="Begun before then."),
    click.option(
        "--state",
        type=click.Choice(STATES),
        help="Final, or with a better verdict still to come.",
    ),
    click.option("--starred", is_flag=True, default=None, help="Kept by a star."),
)
_EVENT_ID = click.IntRange(1, 2**63 - 1)
_WORDS = click.option("--words", "q", metavar="WORDS", help="With all of these in the summary.")
_PAGE = (terminal.limit_option, terminal.before_option, terminal.as_json_option)


def events_group(source: terminal.Decorator) -> click.Group:
    """Return the group; *source* gives each command the `EventSource` as its argument `source`."""

    @click.group("events", invoke_without_command=True)
    @source
    @terminal.with_options(*_FILTERS, _WORDS, *_PAGE)
    @click.pass_context
    def group(
        context: click.Context, /, source: EventSource, *, as_json: bool, **asked: Any
    ) -> None:
        """Show what was judged, latest first."""
        if context.invoked_subcommand is None:
            _show_page(source, asked, as_json=as_json)
        else:
            _refuse_options_before(context, context.invoked_subcommand)

    @group.command("list")
    @source
    @terminal.with_options(*_FILTERS, _WORDS, *_PAGE)
    def list_(source: EventSource, *, as_json: bool, **asked: Any) -> None:
        """List events, latest first, as without a command."""
        _show_page(source, asked, as_json=as_json)

    @group.command()
    @source
    @click.argument("words", nargs=-1, required=True)
    @terminal.with_options(*_FILTERS, *_PAGE)
    def search(source: EventSource, words: tuple[str, ...], *, as_json: bool, **asked: Any) -> None:
        """List events whose summaries have all WORDS: whole words, in any case and order."""
        _show_page(source, asked | {"q": " ".join(words)}, as_json=as_json)

    @group.command()
    @source
    @click.argument("event_id", metavar="ID", type=_EVENT_ID)
    @terminal.as_json_option
    def show(source: EventSource, event_id: int, *, as_json: bool) -> None:
        """Show one event: verdict and reasons, what was seen, and what it said before."""
        terminal.show(source.event(event_id), as_json=as_json, render=text.event)

    @group.command()
    @source
    @terminal.with_options(*_FILTERS, _WORDS, terminal.as_json_option)
    def stats(source: EventSource, *, as_json: bool, **asked: Any) -> None:
        """Count events by day, hour of the day, camera and level, on the clock of the house."""
        terminal.show(source.stats(_given(asked)), as_json=as_json, render=text.event_stats)

    @group.command("export")
    @source
    @click.option(
        "--format", "form", type=click.Choice([*export.FORMATS]), default="csv", show_default=True
    )
    @terminal.with_options(*_FILTERS, _WORDS)
    def export_(source: EventSource, form: str, **asked: Any) -> None:
        """Write all events, latest first, to stdout; a house of any size takes little memory."""
        for piece in export.FORMATS[form](export.events(source.page, _given(asked))):
            click.echo(piece, nl=False)

    group.add_command(_star_command("star", source, starred=True))
    group.add_command(_star_command("unstar", source, starred=False))
    return group


def _star_command(name: str, source: terminal.Decorator, *, starred: bool) -> click.Command:
    @click.command(name)
    @source
    @click.argument("event_ids", metavar="ID...", type=_EVENT_ID, nargs=-1, required=True)
    @terminal.as_json_option
    def command(source: EventSource, event_ids: tuple[int, ...], *, as_json: bool) -> None:
        changes = (source.change_star(event_id, starred=starred) for event_id in event_ids)
        if as_json:
            terminal.show({"events": list(changes)}, as_json=True, render=str)
        for change in changes:  # each is told as soon as it is done: the next may end the program
            click.echo(text.star(change))

    command.help = (
        "Keep events, with all that belongs to them, from retention."
        if starred
        else "Let events grow old like others again."
    )
    return command


def _given(asked: dict[str, Any]) -> Asked:
    given = {name: _as_text(value) for name, value in asked.items() if value is not None}
    if "since" in given and "until" in given and _is_empty(given["since"], given["until"]):
        raise click.UsageError("--until must be later than --since")
    return given


def _as_text(value: Any) -> Any:
    """Return *value* without bytes that are no text: what has them is stored nowhere."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _is_empty(since: str, until: str) -> bool:
    return datetime.fromisoformat(until) <= datetime.fromisoformat(since)


def _show_page(source: EventSource, asked: dict[str, Any], *, as_json: bool) -> None:
    terminal.show(source.page(_given(asked)), as_json=as_json, render=text.events)


def _refuse_options_before(context: click.Context, command: str) -> None:
    """Refuse what would be passed over: `events --level high export` must not export everything."""
    for name in context.params:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"options of {command!r} are written behind it")
