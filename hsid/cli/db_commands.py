"""`hsid db status|migrate|backup|verify|vacuum`: the database, looked at and looked after.

Each exits with 0, with 1 when the database can't be used now or is damaged, and with 78 when its
schema is not for this program, or its server refuses the login.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hsid.cli import terminal
from hsid.cli.client import Document
from hsid.cli.config_commands import read_settings
from hsid.constants import EXIT_CONFIG

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


@db.command("backup")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@_config_option
@terminal.as_json_option
def backup(*, target: Path, config_file: Path | None, as_json: bool) -> None:
    """Copy the database to the file TARGET, as it is at one moment; beside a daemon, too."""
    path = _file_of(config_file)
    from hsid.store import care  # noqa: PLC0415 - SQLAlchemy

    with _telling_faults():
        care.back_up(path, target)
    document = {"database": str(path), "backup": str(target), "bytes": target.stat().st_size}
    terminal.show(document, as_json=as_json, render="{backup}: {bytes} bytes".format_map)


@db.command("verify")
@_config_option
@terminal.as_json_option
def verify(*, config_file: Path | None, as_json: bool) -> None:
    """Read all of the database and say what is damaged; beside a daemon, too."""
    path = _file_of(config_file)
    from hsid.store import care  # noqa: PLC0415 - SQLAlchemy
    from hsid.store.errors import StoreCorruptError  # noqa: PLC0415 - likewise

    with _telling_faults():
        try:
            faults = care.faults_in(path)
        except StoreCorruptError as error:
            faults = [str(error)]
    document = {"database": str(path), "faults": faults}
    if as_json or not faults:
        terminal.show(document, as_json=as_json, render="{database}: ok".format_map)
    if faults:
        words = "stop the daemon and put a backup in its place"
        terminal.fail("\n".join([*faults, f"hsid: {path} is damaged: {words}"]), 1)


@db.command("vacuum")
@_config_option
@terminal.as_json_option
def vacuum(*, config_file: Path | None, as_json: bool) -> None:
    """Write the database anew without the room that it no longer needs; no daemon may run."""
    path = _file_of(config_file)
    from hsid.store import care  # noqa: PLC0415 - SQLAlchemy
    from hsid.store.lock import DataDirLock  # noqa: PLC0415 - likewise

    settings = read_settings(config_file)
    with _telling_faults(), DataDirLock(settings.data_dir):
        before, after = care.vacuum(path)
    document = {"database": str(path), "bytes_before": before, "bytes": after}
    words = "{database}: {bytes_before} bytes before, {bytes} bytes now"
    terminal.show(document, as_json=as_json, render=words.format_map)


def _file_of(config_file: Path | None) -> Path:
    """Return the file of the database; end the program where it is on a server."""
    settings = read_settings(config_file)
    from hsid.store.connect import database_path  # noqa: PLC0415 - SQLAlchemy
    from hsid.store.database import is_postgresql  # noqa: PLC0415 - likewise

    if is_postgresql(settings.database_url):
        words = "is for SQLite files; a server has tools of its own, such as pg_dump"
        terminal.fail(f"hsid: this command {words}", 1)
    return database_path(settings.database_url)


@contextmanager
def _telling_faults() -> Iterator[None]:
    """Say what is wrong with the database, and end the program."""
    from hsid.store.errors import MISCONFIGURED, StoreError  # noqa: PLC0415 - SQLAlchemy

    try:
        yield
    except StoreError as error:
        exit_code = EXIT_CONFIG if isinstance(error, MISCONFIGURED) else 1
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
