"""`hsid completion SHELL` and `hsictl completion SHELL`: what a shell needs to complete them."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
_PLACES = {
    "bash": "/etc/bash_completion.d/{name}",
    "zsh": "a file _{name} in a folder of $fpath",
    "fish": "~/.config/fish/completions/{name}.fish",
}


def completion_of(name: str) -> click.Command:
    """Return the command `completion` of the program *name*."""

    @click.command("completion")
    @click.argument("shell", type=click.Choice(SHELLS))
    @click.pass_context
    def completion(context: click.Context, shell: str) -> None:
        click.echo(script(context.find_root().command, name, shell), nl=False)

    places = "; ".join(f"{shell}: {place.format(name=name)}" for shell, place in _PLACES.items())
    completion.help = (
        f"Print the script with which SHELL completes {name}.\n\nIt belongs into: {places}."
    )
    return completion


def script(command: click.Command, name: str, shell: str) -> str:
    """Return the script with which *shell* completes *command*, called as *name*."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    variable = f"_{name.upper()}_COMPLETE"  # asked for by the library under this name
    return f"{kind(command, {}, name, variable).source().strip()}\n"


of_hsid = completion_of("hsid")
of_hsictl = completion_of("hsictl")
