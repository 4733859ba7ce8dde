"""`hsid check-config` and `hsid config show|diff|schema|example`.

Each exits with 0, or with 78 when the configuration can't be used; what is wrong then stands on
stderr, one line a problem. Nothing is created, changed or connected to.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hsid.cli import terminal
from hsid.cli.client import Document
from hsid.constants import EXIT_CONFIG

if TYPE_CHECKING:
    # for its type only: `hsid --help` needs no settings, and reading them takes a while
    from hsid.config import Settings

_FILE = click.Path(path_type=Path)


def read_settings(config_file: Path | None, **arguments: object) -> "Settings":
    """Return the settings in force, or say what is wrong with them and exit.

    *arguments* are those settings that the command line names.
    """
    from hsid.config import ConfigError, load_settings  # noqa: PLC0415  heavy, see above

    try:
        return load_settings(config_file, **arguments)
    except ConfigError as error:
        terminal.fail(str(error), EXIT_CONFIG)


@click.command("check-config")
@click.argument("file", required=False, type=_FILE)
@terminal.as_json_option
def check_config(file: Path | None, *, as_json: bool) -> None:
    """Check FILE, or the hsid.toml that would be used, and all other sources."""
    document = _check(file)
    if as_json:
        _print_json(document)
    else:
        terminal.warn("\n".join(_words_of_check(document)))
    if not document["usable"]:
        sys.exit(EXIT_CONFIG)
    if not as_json:
        checked = document["file"]
        click.echo(
            f"{checked}: ok" if checked else "ok; there is no hsid.toml, defaults are in force"
        )


def _check(file: Path | None) -> Document:
    from hsid.config import ConfigError, load_settings  # noqa: PLC0415  heavy, see above
    from hsid.config.advice import advice_on  # noqa: PLC0415
    from hsid.config.toml_file import find_config_file  # noqa: PLC0415

    checked = file or find_config_file()
    problems: list[Document] = []
    warnings: list[str] = []
    try:
        warnings = list(advice_on(load_settings(file)))
    except ConfigError as error:
        problems = [{**asdict(each), "text": str(each)} for each in error.problems]
    return {
        "file": None if checked is None else str(checked),
        "usable": not problems,
        "problems": problems,
        "warnings": warnings,
    }


def _words_of_check(document: Document) -> Iterator[str]:
    yield from (problem["text"] for problem in document["problems"])
    yield from (f"warning: {line}" for line in document["warnings"])


@click.group()
def config() -> None:
    """Show the settings."""


config.add_command(check_config, "check")


@config.command()
@click.option("--config", "config_file", type=_FILE, help="The TOML file to read.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(config_file: Path | None, *, as_json: bool) -> None:
    """Print each value in force and where it comes from; secrets are masked."""
    from hsid.config.render import show_json, show_lines  # noqa: PLC0415  heavy, see above

    settings = read_settings(config_file)
    if as_json:
        _print_json(show_json(settings))
    else:
        for line in show_lines(settings):
            click.echo(line)


@config.command()
@click.option("--config", "config_file", type=_FILE, help="The TOML file to read.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(config_file: Path | None, *, as_json: bool) -> None:
    """Print what is not at its default, where it comes from and what the default is."""
    from hsid.config.render import diff_json, diff_lines  # noqa: PLC0415  heavy, see above

    settings = read_settings(config_file)
    if as_json:
        _print_json(diff_json(settings))
    else:
        for line in diff_lines(settings):
            click.echo(line)


@config.command()
def schema() -> None:
    """Print the JSON Schema of hsid.toml, for editors."""
    from hsid.config.render import schema as build_schema  # noqa: PLC0415  heavy, see above

    _print_json(build_schema())


@config.command()
def example() -> None:
    """Print a hsid.toml with every setting, its meaning and its default."""
    from hsid.config.render import example as build_example  # noqa: PLC0415  heavy, see above

    click.echo(build_example(), nl=False)


def _print_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
