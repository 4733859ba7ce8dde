"""`hsid db status|migrate`: the schema of the database, looked at and brought up to date.

Each exits with 0, with 1 when the database can't be used now, and with 78 when its schema is not
for this program.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hsid.cli import terminal
from hsid.cli.client import Document
from hsid.cli.config_commands import EXIT_CONFIG, read_settings

_config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Configuration file; otherwise the usual places are looked at.",
)
_ADVICE = {
    "outdated": "run `hsid db migrate`",
    "empty": "run `hsid db migrate`",
    "newer": "a newer hsid has written it: install that version again",
}


@click.group()
def db() -> None:
    """Look after the database."""


@db.command("status")
@_config_option
@terminal.as_json_option
def status(*, config_file: Path | None, as_json: bool) -> None:
    """Show whether the database has the schema of this program; exit with 78 if not."""
    settings = read_settings(config_file)
    from hsid.store.database import schema_revision  # noqa: PLC0415 - SQLAlchemy

    with _telling_faults():
        document = _describe(settings.database_url, schema_revision(settings.database_url))
    terminal.show(document, as_json=as_json, render=_text)
    advice = _ADVICE.get(document["state"])
    if advice is not None:
        terminal.fail(f"hsid: {advice}", EXIT_CONFIG)


@db.command("migrate")
@_config_option
@terminal.as_json_option
def migrate(*, config_file: Path | None, as_json: bool) -> None:
    """Bring the schema up to date: all of it or nothing. A SQLite file is backed up before."""
    settings = read_settings(config_file)
    from hsid.store.database import (  # noqa: PLC0415 - SQLAlchemy
        is_postgresql,
        open_database,
        schema_revision,
    )
    from hsid.store.lock import DataDirLock  # noqa: PLC0415 - likewise

    url = settings.database_url
    with _telling_faults():
        if is_postgresql(url):
            open_database(url, auto_migrate=True).close()
        else:
            with DataDirLock(settings.data_dir):  # a daemon keeps the file open
                open_database(url).close()
        document = _describe(url, schema_revision(url))
    terminal.show(document, as_json=as_json, render=_text)


@contextmanager
def _telling_faults() -> Iterator[None]:
    """Say what is wrong with the database, and end the program."""
    from hsid.store.errors import WRONG_DATABASE, StoreError  # noqa: PLC0415 - SQLAlchemy

    try:
        yield
    except StoreError as error:
        exit_code = EXIT_CONFIG if isinstance(error, WRONG_DATABASE) else 1
        terminal.fail(f"hsid: {error}", exit_code)


def _describe(url: str, revision: str | None) -> Document:
    from hsid.config.urls import mask_url  # noqa: PLC0415 - after the settings
    from hsid.store.migration import HEAD, state_of  # noqa: PLC0415 - SQLAlchemy

    return {
        "database": mask_url(url),
        "revision": revision,
        "program": HEAD,
        "state": state_of(revision).value,
    }


def _text(document: Document) -> str:
    revision = document["revision"] or "none"
    return (
        f"{document['database']}: schema {revision}, {document['state']}"
        f" (this program's is {document['program']})"
    )
