"""Puts the log together: structlog's front, the handlers behind it, the levels."""

import atexit
import logging
import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import structlog

from hsid.observe.logging_database import DatabaseHandler
from hsid.observe.logging_format import FRONT, build_formatter
from hsid.observe.logging_handlers import (
    LogFileHandler,
    StderrHandler,
    validate_log_file_path,
)
from hsid.observe.logging_journal import JournalHandler, is_stderr_the_journal
from hsid.observe.logging_repeats import RepeatFilter
from hsid.observe.logging_secrets import hide, secrets_in

if TYPE_CHECKING:
    # for its type only: a process that logs need not have read any settings
    from hsid.config import Settings

NOISY_LOGGERS = (
    "alembic",
    "asyncio",
    "hpack",
    "httpcore",
    "httpx",
    "hypercorn",
    "PIL",
    "psycopg",
    "sqlalchemy",
    "watchfiles",
)
"""Libraries whose everyday lines say nothing to the owner of a house; their warnings do."""

_SQL = "sqlalchemy.engine"

# At once: only loggers that are made after it tell the place of the call, not one in structlog.
_FACTORY = structlog.stdlib.LoggerFactory()

_repeats = RepeatFilter()


def build_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger in front of the standard library's logger *name*."""
    if structlog.get_config()["processors"] is not FRONT:
        structlog.configure(
            processors=FRONT,
            logger_factory=_FACTORY,
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def install(settings: "Settings") -> None:
    """Replace all handlers by those that *settings* asks for, and set the levels."""
    hide(secrets_in(settings))
    set_level(settings.log_level)
    logging.getLogger(_SQL).setLevel(logging.INFO if settings.debug else logging.NOTSET)
    path = settings.log_file_path
    problem = None if path is None else validate_log_file_path(path)
    _repeats.tell_all()
    _replace_handlers(_handlers(settings, None if problem else path))
    logging.captureWarnings(capture=True)
    _take_the_uncaught()
    if problem is not None:
        build_logger(__name__).warning("log_file_unusable", path=path, reason=problem)


def set_level(level: str, logger: str | None = None) -> None:
    """Set the level of one logger; those of noisy libraries go with that above all others."""
    if logger is not None:
        logging.getLogger(logger).setLevel(level)
        return
    root = logging.getLogger()
    before = _quiet_level(root.level)
    root.setLevel(level)
    for name in NOISY_LOGGERS:
        noisy = logging.getLogger(name)
        if noisy.level in (logging.NOTSET, before):  # somebody may have asked for another one
            noisy.setLevel(_quiet_level(root.level))


def tell_repeats() -> None:
    """Write what is to be told by now of the warnings that were held back."""
    _repeats.tell_due()


@atexit.register
def _tell_all_repeats() -> None:
    _repeats.tell_all()


def _replace_handlers(handlers: list[logging.Handler]) -> None:
    """Put *handlers* in place of all others at once: no line of a thread falls between them."""
    root = logging.getLogger()
    former = root.handlers[:]
    for handler in handlers:
        handler.addFilter(_repeats)
    root.handlers[:] = handlers
    for handler in former:
        handler.close()


def _handlers(settings: "Settings", log_file: Path | None) -> list[logging.Handler]:
    handlers: list[logging.Handler] = []
    if settings.log_format == "auto" and is_stderr_the_journal(os.environ):
        handlers.append(JournalHandler())
    else:
        handlers.append(_build_stderr_handler(settings))
    if settings.log_db_enabled:
        handlers.append(DatabaseHandler(settings.log_db_min_level))
    if log_file is not None:
        handlers.append(_build_file_handler(settings, log_file))
    return handlers


def _build_file_handler(settings: "Settings", path: Path) -> LogFileHandler:
    handler = LogFileHandler(path, settings.log_file_max_bytes, settings.log_file_backup_count)
    is_json = settings.log_format != "console"  # a file is no terminal
    handler.setFormatter(build_formatter(is_json=is_json, has_colors=False))
    return handler


def _build_stderr_handler(settings: "Settings") -> StderrHandler:
    is_terminal = sys.stderr.isatty()
    is_console = settings.log_format == "console" or (settings.log_format == "auto" and is_terminal)
    has_colors = is_terminal and not os.environ.get("NO_COLOR")
    handler = StderrHandler()
    handler.setFormatter(build_formatter(is_json=not is_console, has_colors=has_colors))
    return handler


def _quiet_level(level: int) -> int:
    return max(logging.WARNING, level)


def _take_the_uncaught() -> None:
    """Have what nobody catches told in the log; Python's own way with it knows no secrets.

    Hooks that somebody else has set stay.
    """
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _log_uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        build_logger("hsid").critical("uncaught_exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
