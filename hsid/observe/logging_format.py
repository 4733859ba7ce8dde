"""How a log record becomes fields, and those a line: one way for hsid's own and for libraries.

Guarantees that it never raises: what can't be rendered is written as a line that says so. All that
depends on what was logged is done here, inside of the handlers, so a call that logs can't be made
to raise. It is done once for a record, however many handlers write it.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import structlog
from structlog.typing import Processor

from hsid.observe.logging_redaction import clean, clean_traceback, clean_value

Fields: TypeAlias = dict[str, Any]
"""What a line tells, by name."""

FRONT: list[Processor] = [
    structlog.stdlib.filter_by_level,
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]
"""What runs in the call that logs. The list never changes, so loggers may be cached."""

FIRST: Final = ("timestamp", "level", "logger", "event")
"""Keys that every line begins with, and that nobody but this module sets."""

_KEPT: Final = "_hsid_fields"
_add_extra: Final = structlog.stdlib.ExtraAdder()


def fields_of(record: logging.LogRecord) -> Fields:
    """Return what is to be told of *record*, clean; the same dictionary each time. Never raises."""
    fields: Fields | None = record.__dict__.get(_KEPT)
    if fields is None:
        try:
            fields = _clean_all(_collect(record))
        except Exception as error:  # noqa: BLE001  whatever it is, it must not reach who logged
            fields = loss_of(record, error)
        record.__dict__[_KEPT] = fields
    return fields


def record_again(record: logging.LogRecord, fields: Fields) -> logging.LogRecord:
    """Return a record like *record*, of this moment, that tells *fields* and holds nothing else."""
    keys = ("name", "levelno", "levelname", "pathname", "filename", "module", "lineno", "funcName")
    again = logging.makeLogRecord({key: record.__dict__[key] for key in keys})
    again.msg = str(fields["event"])
    again.__dict__[_KEPT] = {**fields, "timestamp": _timestamp(again)}
    return again


def loss_of(record: logging.LogRecord, error: Exception) -> Fields:
    """Return what is told in place of *record*: constants and positions, which can't fail."""
    return {
        "timestamp": _timestamp(record),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": "log_line_lost",
        "error": type(error).__name__,
        "place": f"{record.pathname}:{record.lineno}",
    }


class LineFormatter(logging.Formatter):
    """Makes text of a record's fields with *render*; always returns a line."""

    def __init__(self, render: Processor) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as text; never raise."""
        try:
            return self._text(fields_of(record))
        except Exception as error:  # noqa: BLE001  whatever it is, it must not reach who logged
            return self._text(loss_of(record, error))

    def _text(self, fields: Fields) -> str:
        return str(self._render(None, "", fields.copy()))


def build_formatter(*, is_json: bool, has_colors: bool) -> logging.Formatter:
    """Return the formatter for one handler."""
    if is_json:
        return LineFormatter(structlog.processors.JSONRenderer(ensure_ascii=False))
    # tracebacks come as text already; the library's own way with them needs to be told
    plain = structlog.dev.plain_traceback
    renderer = structlog.dev.ConsoleRenderer(colors=has_colors, exception_formatter=plain)
    return LineFormatter(renderer)


def _collect(record: logging.LogRecord) -> Fields:
    """Return all that *record* tells, as it was logged."""
    if hasattr(record, "_name") and isinstance(record.msg, dict):  # wrapped by structlog
        fields: Fields = record.msg.copy()
    else:
        fields = _collect_from_library(record)
    _flatten_extra(fields)
    _fill_in_arguments(fields)
    _format_exception(fields)
    fields["timestamp"] = _timestamp(record)
    fields["level"] = record.levelname.lower()
    fields["logger"] = record.name
    fields.setdefault("event", "")
    return fields


def _collect_from_library(record: logging.LogRecord) -> Fields:
    bound: Fields = {**structlog.contextvars.get_contextvars(), "_record": record}
    fields = dict(_add_extra(logging.root, "", bound))
    del fields["_record"]
    fields["event"], fields["positional_args"] = str(record.msg), record.args
    if record.exc_info:
        fields["exc_info"] = record.exc_info
    if record.stack_info:
        fields["stack"] = record.stack_info
    return fields


def _timestamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _fill_in_arguments(fields: Fields) -> None:
    """Put arguments into the event as `%` does; arguments that don't fit are shown beside it."""
    arguments = fields.pop("positional_args", ())
    if arguments:
        try:
            fields["event"] = fields["event"] % arguments
        except Exception:  # noqa: BLE001  any __str__ may raise anything
            fields["arguments"] = arguments


def _flatten_extra(fields: Fields) -> None:
    """Let `extra={"camera_id": ...}` mean the same as keyword arguments."""
    extra = fields.pop("extra", None)
    if isinstance(extra, dict):
        for key, value in extra.items():
            fields.setdefault(str(key), value)


def _format_exception(fields: Fields) -> None:
    """Render the exception that exc_info names."""
    exc_info = fields.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    elif isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    if isinstance(exc_info, tuple) and exc_info[0] is not None:
        fields["exception"] = logging.Formatter().formatException(exc_info)


def _clean_all(fields: Fields) -> Fields:
    ordered = {key: fields.pop(key) for key in FIRST} | fields
    return {clean(str(key)): _cleaned(str(key), value) for key, value in ordered.items()}


def _cleaned(key: str, value: object) -> object:
    """Clean one value; one that can't even be turned into text costs only itself."""
    if key in ("timestamp", "level"):
        return value  # ours: a password that is a word of every line must not spoil each
    try:
        if key in ("exception", "stack"):
            return clean_traceback(str(value))
        return clean_value(key, value)
    except Exception as error:  # noqa: BLE001  any __str__ may raise anything
        return f"<{type(value).__name__}: {type(error).__name__}>"
