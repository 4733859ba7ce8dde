"""The manual pages: current, whole, and readable for man."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.cli import hsictl, hsid
from hsid.cli.manual import pages, roff
from hsid.config import Settings

FOLDER = Path(__file__).parents[3] / "man"
PAGES = pages()


def plain(page):
    """Return the text of a page as it is shown."""
    return PAGES[page].replace("\\-", "-").replace("\\(aq", "'")


def paths(group, context):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        child = click.Context(command, parent=context, info_name=name)
        yield child.command_path
        if isinstance(command, click.Group):
            yield from paths(command, child)


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_are_current(page):
    """`make reference` writes them anew."""
    assert (FOLDER / page).read_text("utf-8") == PAGES[page], "run `make reference`"


def test_there_are_no_other_pages():
    """None is left of what is gone."""
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


@pytest.mark.parametrize(("page", "program"), [("hsid.1", hsid.main), ("hsictl.1", hsictl.main)])
def test_every_command_has_its_place(page, program):
    """Groups that can't be called are told by what is in them."""
    name = page.removesuffix(".1")
    text = plain(page)
    missing = [
        path for path in paths(program, click.Context(program, info_name=name)) if path not in text
    ]
    assert missing == []


def test_every_setting_has_its_place():
    """With its meaning."""
    text = plain("hsid.toml.5")
    for name, field in Settings.model_fields.items():
        assert f".B {name}\n" in text
        assert field.description in text.replace("\\(ga", "`")


def test_the_pages_say_nothing_of_the_machine_that_made_them():
    """No path of a checkout, no date."""
    for text in PAGES.values():
        assert str(FOLDER.parent) not in text
        assert not re.search(r"\b20\d\d-\d\d", text)


@pytest.mark.parametrize("page", PAGES)
def test_man_has_nothing_to_say_against_a_page(page):
    """Neither man nor mandoc, as far as they are here."""
    path = FOLDER / page
    checks = {
        "man": ["man", "--warnings=w", "--encoding=UTF-8", "--local-file", str(path)],
        "mandoc": ["mandoc", "-Tlint", "-Wwarning,stop", str(path)],
    }
    for tool, command in checks.items():
        if shutil.which(tool) and shutil.which("groff" if tool == "man" else tool):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")


@given(text=st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_no_text_is_taken_for_an_instruction(text):
    """Neither at the beginning of a line nor by a backslash."""
    shown = roff(text)

    assert not shown.startswith((".", "'"))
    assert re.fullmatch(r"(?:[^\\]|\\[-e&]|\\\((?:aq|ga|ha|ti))*", shown)
