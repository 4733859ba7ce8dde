"""How `hsid` and `hsictl` take options and speak: data on stdout, words on stderr."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn, TypeAlias

import click

from hsid import __version__
from hsid.cli import text
from hsid.cli.client import Document

GROUP_SETTINGS = {"help_option_names": ["-h", "--help"]}

version_option = partial(click.version_option, __version__, message="%(prog)s %(version)s")
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the JSON document.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many at most."
)
before_option = click.option(
    "--before",
    type=click.IntRange(1, 2**63 - 1),
    help="Id of an event: only those listed after it.",
)


Decorator: TypeAlias = Callable[[Callable[..., None]], Callable[..., None]]


def with_options(*options: Decorator) -> Decorator:
    """Give a command all of *options*, in this order."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def respect_no_color(context: click.Context) -> None:
    """Leave colours out where the user has set NO_COLOR; click leaves them out of pipes."""
    if os.environ.get("NO_COLOR"):
        context.color = False


def show(document: Document, *, as_json: bool, render: Callable[[Document], str]) -> None:
    """Print *document* for programs or for people."""
    click.echo(json.dumps(document, indent=2) if as_json else render(document))


def warn(words: str) -> None:
    """Say *words* on stderr and go on."""
    for line in words.splitlines():
        click.echo(text.printable(line), err=True)


def fail(words: str, exit_code: int) -> NoReturn:
    """Say *words* on stderr and end the program with *exit_code*."""
    warn(words)
    sys.exit(exit_code)


yes_option = click.option("--yes", is_flag=True, help="Don't ask whether it is meant.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal whether it is meant; elsewhere end the program unless *yes* was given."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"{question} Say --yes if so: there is no terminal to ask on.", 2)
    if not click.confirm(question, err=True):
        fail("nothing was done", 1)


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Take Ctrl-C for the way to end what has no end of its own."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(0)
