"""A group of commands of which only the one that is called is imported."""

from collections.abc import Mapping
from errno import EPIPE
from importlib import import_module
from typing import Any

import click

from hsid.cli import terminal


class LazyGroup(click.Group):
    """A group whose commands lie elsewhere: *lazy* names the module and attribute of each.

    Asking for the help of the group imports them all.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order in which they were given."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now; None if there is none of this name."""
        place = self._lazy.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run what was called; end in words if what it says can't be written.

        Asking the daemon fails in errors of its own, so this is stdout's; a reader who has gone,
        as `head` does, is click's business.
        """
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == EPIPE:
                raise
            terminal.fail(f"{ctx.info_name}: can't write all of it: {error.strerror}", 1)
