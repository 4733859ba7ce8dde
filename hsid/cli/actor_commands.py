"""`hsictl tree` and `hsictl actor ...`: the parts of the daemon, seen and steered.

Imports nothing heavy. An actor is named by its path, `pipeline/watcher`, or by the last part of it;
patterns such as `detector-*` mean all that fit.
"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import click

from hsid.cli import terminal, text
from hsid.cli.client import Document, in_path
from hsid.cli.target import Target

_NAMES = click.argument("names", metavar="NAME...", nargs=-1, required=True)
_PATTERN = frozenset("*?[")

VERBS = {
    "start": "Start actors that are down, at once, whatever they wait for.",
    "stop": "Stop actors and leave them down until somebody starts them.",
    "restart": "Stop actors that run, and start them.",
    "pause": "Have actors take no new work; what they have begun they finish.",
    "resume": "Have paused actors take work again.",
    "reset": "Forget how actors have failed; start those that are parked or wait for a restart.",
}
PARTICIPLES = {
    "start": "started",
    "stop": "stopped",
    "restart": "restarted",
    "pause": "paused",
    "resume": "resumed",
    "reset": "reset",
}


@click.command()
@terminal.as_json_option
@click.pass_obj
def tree(target: Target, *, as_json: bool) -> None:
    """Show the supervision tree: states, restarts, what waits in memory, the last errors."""
    terminal.show(target.get("/v1/actors"), as_json=as_json, render=text_of_tree)


@click.group()
def actor() -> None:
    """See and steer the parts of the daemon."""


@actor.command("list")
@terminal.as_json_option
@click.pass_obj
def list_(target: Target, *, as_json: bool) -> None:
    """List all actors, as `tree` does."""
    terminal.show(target.get("/v1/actors"), as_json=as_json, render=text_of_tree)


@actor.command()
@click.argument("name")
@terminal.as_json_option
@click.pass_obj
def show(target: Target, name: str, *, as_json: bool) -> None:
    """Show one actor, and how it ended before."""
    document = target.get(f"/v1/actors/{in_path(name, safe='/')}")
    terminal.show(document, as_json=as_json, render=text_of_actor)


def _verb(verb: str, help_: str) -> click.Command:
    @click.command(verb, help=help_)
    @_NAMES
    @terminal.as_json_option
    @click.pass_obj
    def command(target: Target, names: tuple[str, ...], *, as_json: bool) -> None:
        changes = _changes(target, names, verb)
        if as_json:
            terminal.show({"changes": list(changes)}, as_json=True, render=str)
        for change in changes:  # each is told as soon as it is done: the next may end the program
            click.echo(text_of_change(change, PARTICIPLES[verb]))

    return command


for _name, _help in VERBS.items():
    actor.add_command(_verb(_name, _help))


def _changes(target: Target, names: Sequence[str], verb: str) -> Iterator[Document]:
    for name in _meant(target, names):
        yield target.change(f"/v1/actors/{in_path(name, safe='/')}/{verb}")


def _meant(target: Target, names: Sequence[str]) -> Iterator[str]:
    """Yield the actors that *names* mean; end the program where a pattern fits none."""
    is_needed = any(_PATTERN & set(name) for name in names)
    paths = [each["path"] for each in target.get("/v1/actors")["actors"]] if is_needed else []
    for name in names:
        if not _PATTERN & set(name):
            yield name
            continue
        fitting = [path for path in paths if _fits(path, name)]
        if not fitting:
            terminal.fail(f"hsictl: no actor fits {name}", 5)
        yield from fitting


def _fits(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern)


def text_of_tree(document: Document) -> str:
    """Return the text of an `ActorList`."""
    headers = ("ACTOR", "STATE", "NO.", "RESTARTS", "UP", "NEXT TRY", "MAILBOX", "LAST ERROR")
    return text.table(headers, map(_tree_row, document["actors"]))


def text_of_actor(document: Document) -> str:
    """Return the text of an `ActorDetail`."""
    lines: list[tuple[str, object]] = [
        ("actor", document["path"]),
        ("kind", document["kind"]),
        ("state", _state(document)),
        ("incarnation", document["incarnation"]),
        ("restarts", document["restarts"]),
        ("up", text.duration(document["uptime_seconds"])),
        ("next try", text.duration(document["next_try_seconds"])),
        ("mailbox", "-" if document["mailbox"] is None else document["mailbox"]),
        ("last error", document["last_error"] or "-"),
    ]
    shown = "\n".join(f"{name}: {text.printable(value)}" for name, value in lines)
    if not document["deaths"]:
        return shown
    headers = ("NO.", "ENDED", "CAUSE", "ERROR")
    return f"{shown}\n\n{text.table(headers, map(_death_row, document['deaths']))}"


def text_of_change(change: Document, participle: str) -> str:
    """Return the text of an `ActorChange`."""
    actor_ = change["actor"]
    done = participle if change["changed"] else f"{participle} already"
    return f"{text.printable(actor_['path'])}: {done}; it is {_state(actor_)}"


def _tree_row(node: Document) -> tuple[object, ...]:
    *above, name = node["path"].split("/")
    return (
        "  " * len(above) + name,
        _state(node),
        node["incarnation"],
        node["restarts"],
        text.duration(node["uptime_seconds"]),
        text.duration(node["next_try_seconds"]),
        node["mailbox"],
        node["last_error"],
    )


def _death_row(death: Document) -> tuple[object, ...]:
    ago = f"{text.duration(death['seconds_ago'])} ago"
    return (death["incarnation"], ago, death["cause"], death["message"])


def _state(node: Document) -> str:
    notes = [node["state"]]
    if node["paused"]:
        notes.append("paused")
    if node["zombies"]:
        notes.append(f"{node['zombies']} zombies")
    return ", ".join(notes)
