"""`hsid doctor` and `hsictl doctor`: what is wrong with this machine for hsid. Needs no daemon.

Exit codes: 0 nothing to mend (warnings are no failure), 1 something to mend, 78 the configuration
can't be used. Whatever is printed holds no secret: values that the settings hold as secret are
masked once more on the way out.
"""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hsid import __version__
from hsid.cli import terminal, text
from hsid.cli.client import Document
from hsid.constants import EXIT_CONFIG

if TYPE_CHECKING:
    from hsid.config import ConfigError
    from hsid.doctor.findings import Finding
    from hsid.doctor.unit import Unit

_COLOURS = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}


@click.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Configuration file; otherwise the usual places are looked at.",
)
@terminal.as_json_option
def doctor(*, config_file: Path | None, as_json: bool) -> None:
    """Look for what keeps hsid from working on this machine; needs no daemon.

    Configuration, folders and their rights, inotify, disks, database, Redis, detector, model,
    certificates, GPU and clock are each PASS, WARN or FAIL, with what to do. Exit codes: 0 nothing
    FAILs, 1 something does, 78 the configuration can't be used. The output holds no secret.
    """
    from hsid.config import ConfigError  # noqa: PLC0415 - pydantic

    try:
        findings = _examine(config_file)
    except ConfigError as error:
        findings = _examine_machine(error)
        exit_code = EXIT_CONFIG
    else:
        exit_code = int(any(finding.verdict == "FAIL" for finding in findings))
    terminal.show(_document(findings), as_json=as_json, render=text_of_doctor)
    sys.exit(exit_code)


def text_of_doctor(document: Document) -> str:
    """Return the text of what `hsid doctor --json` prints."""
    lines: list[str] = []
    for finding in document["findings"]:
        verdict = click.style(finding["verdict"], fg=_COLOURS[finding["verdict"]])
        lines.append(f"{verdict}  {finding['check']}: {text.printable(finding['summary'])}")
        fix = finding["fix"] or ""
        lines += [f"      {text.printable(line)}" for line in fix.splitlines()]
    counts = document["counts"]
    verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _COLOURS)
    return "\n".join([*lines, "", verdicts])


def _examine(config_file: Path | None) -> "list[Finding]":
    import trio  # noqa: PLC0415 - as all below: the common path of hsictl needs none of it

    from hsid.config import load_settings  # noqa: PLC0415
    from hsid.config.toml_file import find_config_file  # noqa: PLC0415
    from hsid.doctor.examination import Patient, checks_of, examine  # noqa: PLC0415
    from hsid.doctor.looking import daemon_identity, find_unit  # noqa: PLC0415
    from hsid.observe.logging_secrets import hide, secrets_in  # noqa: PLC0415

    path = config_file or find_config_file()
    unit = find_unit()
    _take_environment_of(unit, path)
    settings = load_settings(config_file)
    hide(secrets_in(settings))
    patient = Patient(settings, path, unit, daemon_identity(unit))
    return trio.run(examine, checks_of(patient))


def _examine_machine(error: "ConfigError") -> "list[Finding]":
    import trio  # noqa: PLC0415

    from hsid.doctor.examination import CONFIG, checks_without_settings, examine  # noqa: PLC0415
    from hsid.doctor.findings import failed  # noqa: PLC0415
    from hsid.doctor.looking import find_unit  # noqa: PLC0415

    problems = [failed(CONFIG, str(each), "correct it there") for each in error.problems]
    return [*problems, *trio.run(examine, checks_without_settings(find_unit()))]


def _take_environment_of(unit: "Unit | None", config_file: Path | None) -> None:
    """Have the settings read as the service reads them, where its file is the one in question."""
    from hsid.doctor.unit import (  # noqa: PLC0415
        CREDENTIALS_FOLDER,
        RUNTIME_FOLDER,
        STATE_FOLDER,
    )

    if unit is None or config_file is None or not config_file.is_relative_to("/etc/hsid"):
        return
    os.environ.setdefault("STATE_DIRECTORY", str(STATE_FOLDER))
    os.environ.setdefault("RUNTIME_DIRECTORY", str(RUNTIME_FOLDER))
    if os.access(CREDENTIALS_FOLDER, os.R_OK | os.X_OK):
        os.environ.setdefault("CREDENTIALS_DIRECTORY", str(CREDENTIALS_FOLDER))


def _document(findings: "list[Finding]") -> Document:
    from hsid.doctor.findings import Verdict, worst  # noqa: PLC0415
    from hsid.observe.logging_secrets import mask_hidden  # noqa: PLC0415

    rows = [
        {name: mask_hidden(value) if value else value for name, value in asdict(finding).items()}
        for finding in findings
    ]
    counts = {each.value: sum(finding.verdict is each for finding in findings) for each in Verdict}
    return {
        "version": __version__,
        "verdict": worst(findings).value,
        "counts": counts,
        "findings": rows,
    }
