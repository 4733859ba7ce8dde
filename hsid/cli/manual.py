"""The manual pages, written from the commands' own help and from the settings.

`python -m hsid.cli.manual DIR` writes hsid.1, hsictl.1 and hsid.toml.5. They hold nothing of the
machine they are made on. A page is roff with the macros of man(7), plain enough for every reader.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from pathlib import Path

import click
from pydantic.fields import FieldInfo

from hsid.cli import hsictl, hsid
from hsid.config import SECTIONS, Settings
from hsid.config.describe import allowed
from hsid.config.fields import default_of
from hsid.config.render import toml_value
from hsid.config.sections.intake import CameraSettings
from hsid.config.sources import environment_names

_FILES = """\
.SH FILES
.TP
.I ./hsid.toml, /etc/hsid/hsid.toml
The settings; the first that is there is read. See
.BR hsid.toml (5).
.TP
.I /run/hsid/control.sock
The control socket of the service.
.TP
.I /var/lib/hsid
What the service keeps.
"""
_SETTINGS_HEAD = """\
.TH HSID.TOML 5 "" hsid "File Formats"
.SH NAME
hsid.toml \\- settings of the home security intelligence daemon
.SH DESCRIPTION
A file in TOML, looked for as
.I ./hsid.toml
and then as
.IR /etc/hsid/hsid.toml .
Of what is given in several places, this counts: the command line, then the environment,
.IR runtime.env ,
.IR .env ,
systemd's credentials, then this file.
.PP
.B hsid check\\-config
says what is wrong,
.B hsid config show
tells each value in force and where it comes from. An empty text means unset.
"""


def pages() -> dict[str, str]:
    """Return each page by its file name."""
    return {
        "hsid.1": _command_page("hsid", hsid.main, ("hsictl (1)", "hsid.toml (5)")),
        "hsictl.1": _command_page("hsictl", hsictl.main, ("hsid (1)", "hsid.toml (5)")),
        "hsid.toml.5": _settings_page(),
    }


def roff(text: str) -> str:
    r"""Return *text* as roff shows it: no character of it is taken for an instruction.

    >>> roff(".a-b\\c")
    '\\&.a\\-b\\ec'
    """
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    escaped = escaped.replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def _command_page(name: str, command: click.Command, see_also: Sequence[str]) -> str:
    context = click.Context(command, info_name=name, **command.context_settings)
    title, *rest = _paragraphs(command)
    lines = [
        f'.TH {name.upper()} 1 "" hsid "User Commands"',
        ".SH NAME",
        f"{name} \\- {roff(title[0].lower() + title[1:].rstrip('.'))}",
        ".SH SYNOPSIS",
        *_synopsis(context),
        *([".SH DESCRIPTION", *_joined(rest)] if rest else []),
        ".SH OPTIONS",
        *_options(context),
        ".SH COMMANDS",
        *_commands(context),
        _FILES.rstrip(),
        ".SH SEE ALSO",
        *_see_also(see_also),
    ]
    return "\n".join([*lines, ""])


def _commands(parent: click.Context) -> Iterator[str]:
    group = parent.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is None or command.hidden:
            continue
        context = click.Context(command, parent=parent, info_name=name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f".SS {roff(' '.join((context.command_path, *_usage(context))))}"
            yield from _joined(_paragraphs(command))
            yield from _options(context, is_nested=True)
        yield from _commands(context)


def _synopsis(context: click.Context) -> Iterator[str]:
    yield f".B {roff(context.command_path)}"
    yield roff(" ".join(_usage(context)))


def _usage(context: click.Context) -> list[str]:
    return [piece for piece in context.command.collect_usage_pieces(context) if piece]


def _options(context: click.Context, *, is_nested: bool = False) -> Iterator[str]:
    """Tell the options; --help, which each command has, for the program alone."""
    skipped = context.command.get_help_option(context) if is_nested else None
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and parameter is not skipped:
            yield ".TP"
            yield f".B {roff(record[0])}"
            yield roff(record[1])


def _paragraphs(command: click.Command) -> list[str]:
    text = cleandoc(command.help or "").partition("\f")[0]
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def _joined(paragraphs: Sequence[str]) -> Iterator[str]:
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield ".PP"
        yield roff(paragraph)


def _see_also(pages: Sequence[str]) -> Iterator[str]:
    for number, page in enumerate(pages, start=1):
        yield f".BR {page}{',' if number < len(pages) else ''}"


def _settings_page() -> str:
    lines = [_SETTINGS_HEAD.rstrip()]
    for section in SECTIONS:
        heading = (section.__doc__ or section.__name__).strip().rstrip(".")
        lines.append(f".SH {roff(heading).upper()}")
        for name in section.__annotations__:
            lines += _setting(name, Settings.model_fields[name])
    lines += [".SH SEE ALSO", *_see_also(("hsid (1)", "hsictl (1)"))]
    return "\n".join([*lines, ""])


def _setting(name: str, field: FieldInfo) -> Iterator[str]:
    yield ".TP"
    yield f".B {roff(name)}"
    yield roff(field.description or "")
    yield ".br"
    yield roff(f"{allowed(field)[0].upper()}{allowed(field)[1:]}; {_default(name, field)}.")
    yield ".br"
    yield roff(f"Environment: {', '.join(environment_names(name, field))}")
    if name == "cameras":
        for key, part in CameraSettings.model_fields.items():
            yield ".RS"
            yield ".TP"
            yield f".B {roff(key)}"
            yield roff(f"{part.description} ({allowed(part)})")
            yield ".RE"


def _default(name: str, field: FieldInfo) -> str:
    if name == "cameras":
        return "each stands under [[cameras]]"
    return f"default {toml_value(default_of(field))}"


if __name__ == "__main__":
    for _name, _text in pages().items():
        Path(sys.argv[1], _name).write_text(_text, "utf-8")
