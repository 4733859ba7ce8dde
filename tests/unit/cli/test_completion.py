"""What shells are given to complete hsid and hsictl, and what completing gives."""

import shutil
import subprocess

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from hsid.cli import hsictl, hsid
from hsid.cli.completion import SHELLS, script

PROGRAMS = {"hsid": hsid.main, "hsictl": hsictl.main}


def completed(name, *words, incomplete=""):
    """Return what the words may go on with."""
    complete = ShellComplete(PROGRAMS[name], {}, name, f"_{name.upper()}_COMPLETE")
    return {item.value for item in complete.get_completions(list(words), incomplete)}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_for_the_program(name, shell):
    """The program asks the library by the variable that the script sets."""
    done = CliRunner().invoke(PROGRAMS[name], ["completion", shell])

    assert (done.exit_code, done.stderr) == (0, "")
    assert f"_{name.upper()}_COMPLETE={shell}_complete" in done.stdout
    assert done.stdout == script(PROGRAMS[name], name, shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_the_shell_can_read(shell):
    """As far as that shell is here."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    text = script(hsictl.main, "hsictl", shell)

    subprocess.run([program, "-n"], input=text, text=True, check=True, capture_output=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_commands_are_completed(name):
    """All that begin so, in groups too."""
    assert completed(name, incomplete="doc") == {"doctor"}
    assert {"show", "diff", "check"} <= completed(name, "config")


def test_options_are_completed():
    """Those of the command."""
    assert "--json" in completed("hsictl", "status", incomplete="--")


def test_an_unknown_shell_is_told_so():
    """Usage, exit code 2."""
    assert CliRunner().invoke(hsictl.main, ["completion", "csh"]).exit_code == 2
    with pytest.raises(click.UsageError):
        script(hsictl.main, "hsictl", "csh")
