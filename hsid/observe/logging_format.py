"""How a log record becomes text: one chain for hsid's own lines and for those of libraries.

A chain can't fail: what can't be rendered is written as a line that says so. All work that depends
on what was logged is done here, inside the handler, so the call that logs can't be made to raise.
"""

import logging
import sys
from datetime import UTC, datetime

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from hsid.observe.logging_redaction import clean, clean_traceback, clean_value

FRONT: list[Processor] = [
    structlog.stdlib.filter_by_level,
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]
"""What runs in the call that logs. The list never changes, so loggers may be cached."""

_FIRST = ("timestamp", "level", "logger", "event")
"""Keys that every line begins with, and that nobody but this module sets."""


class SafeFormatter(structlog.stdlib.ProcessorFormatter):
    """A formatter that always returns a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as text; never raise."""
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001  whatever it is, it must not reach who logged
            return self._render_loss(record, error)

    def _render_loss(self, record: logging.LogRecord, error: Exception) -> str:
        """Return a line of constants and code positions: there is nothing in it that can fail."""
        lost: EventDict = {
            "timestamp": datetime.now(UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": "log_line_lost",
            "error": type(error).__name__,
            "place": f"{record.pathname}:{record.lineno}",
        }
        return str(self.processors[-1](None, "", lost))


def build_formatter(*, is_json: bool, has_colors: bool) -> logging.Formatter:
    """Return the formatter for one handler."""
    return SafeFormatter(
        foreign_pre_chain=[structlog.contextvars.merge_contextvars, structlog.stdlib.ExtraAdder()],
        # arguments are put in by _fill_in_arguments, which survives those that don't fit
        use_get_message=False,
        pass_foreign_args=True,
        processors=[
            _flatten_extra,
            _fill_in_arguments,
            _format_exception,
            _add_origin,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _clean_all,
            _renderer(is_json=is_json, has_colors=has_colors),
        ],
    )


def _add_origin(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    record: logging.LogRecord = event_dict["_record"]
    event_dict["level"] = record.levelname.lower()
    event_dict["logger"] = record.name
    event_dict.setdefault("event", "")
    return event_dict


def _fill_in_arguments(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Put arguments into the event as `%` does; arguments that don't fit are shown beside it."""
    arguments = event_dict.pop("positional_args", ())
    if arguments:
        try:
            event_dict["event"] = event_dict["event"] % arguments
        except Exception:  # noqa: BLE001  any __str__ may raise anything
            event_dict["arguments"] = arguments
    return event_dict


def _flatten_extra(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Let `extra={"camera_id": ...}` mean the same as keyword arguments."""
    extra = event_dict.pop("extra", None)
    if isinstance(extra, dict):
        for key, value in extra.items():
            event_dict.setdefault(str(key), value)
    return event_dict


def _format_exception(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Render the exception that exc_info names."""
    exc_info = event_dict.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    elif isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    if isinstance(exc_info, tuple) and exc_info[0] is not None:
        event_dict["exception"] = logging.Formatter().formatException(exc_info)
    return event_dict


def _clean_all(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    ordered = {key: event_dict.pop(key) for key in _FIRST} | dict(event_dict)
    return {clean(str(key)): _cleaned(str(key), value) for key, value in ordered.items()}


def _cleaned(key: str, value: object) -> object:
    """Clean one value; one that can't even be turned into text costs only itself."""
    try:
        if key == "exception":
            return clean_traceback(str(value))
        return clean_value(key, value)
    except Exception as error:  # noqa: BLE001  any __str__ may raise anything
        return f"<{type(value).__name__}: {type(error).__name__}>"


def _renderer(*, is_json: bool, has_colors: bool) -> Processor:
    if is_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    # tracebacks come as text already; the library's own way with them needs to be told
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=has_colors, exception_formatter=plain)
