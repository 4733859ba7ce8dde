"""docs/control.md names every route and every command, and no other."""

import re
from pathlib import Path

import click

from hsid.cli.hsictl import main

PAGE = (Path(__file__).parents[3] / "docs" / "control.md").read_text()


async def test_every_route_is_in_the_reference(house):
    """Method and path, as the schema has them."""
    async with house.served() as client:
        paths = (await client.get("/v1/openapi.json")).json()["paths"]

    routes = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert set(re.findall(r"^\| `([A-Z]+ /v1/[^`]*)` \|", PAGE, re.MULTILINE)) == routes


def names(group, context):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield name
        if isinstance(command, click.Group):
            yield from names(command, context)


def test_every_command_is_in_the_reference():
    """Groups and what is in them."""
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `hsictl"))

    missing = [name for name in names(main, click.Context(main)) if name not in table]
    assert missing == []


def test_every_command_can_print_json():
    """But groups, and those whose output is a file, or a plain answer."""

    def without(group, context, path=()):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, click.Group):
                yield from without(command, context, (*path, name))
            elif "--json" not in {opt for each in command.params for opt in each.opts}:
                yield " ".join((*path, name))

    plain = {"config schema", "config example", "completion", "events export"}
    assert set(without(main, click.Context(main))) == plain
