"""README.md names every command of `hsid`, every page of docs/, and all that the tests need."""

import re
from pathlib import Path

import click

from hsid.cli.hsid import main

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()


def commands(group, context):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield name
        if isinstance(command, click.Group):
            yield from commands(command, context)


def test_every_command_is_in_the_readme():
    """Groups and what is in them, in the table of commands."""
    table = "\n".join(line for line in README.splitlines() if line.startswith("| `hsid "))

    assert [name for name in commands(main, click.Context(main)) if name not in table] == []


def test_every_page_is_linked_where_one_reads_on():
    """No page has to be found by chance."""
    links = set(re.findall(r"\]\(docs/(\w+\.md)\)", README.partition("## Read on")[2]))

    assert links == {path.name for path in ROOT.glob("docs/*.md")}


def test_the_packages_that_the_tests_ask_for_are_in_the_readme():
    """What `make test` says on a bare machine is no surprise."""
    (needed,) = re.findall(r"^NEEDED = (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    packages = {each.partition(":")[2] for each in needed.split()}

    assert packages
    assert {name for name in packages if f"`{name}`" not in README} == set()
