"""Puts the log together: structlog's front, the handlers behind it, the levels."""

import logging
import os
import sys
from typing import TYPE_CHECKING

import structlog

from hsid.observe.logging_format import FRONT, build_formatter
from hsid.observe.logging_handlers import LogFileHandler, StderrHandler, validate_log_file_path

if TYPE_CHECKING:
    # for its type only: a process that logs need not have read any settings
    from hsid.config import Settings

NOISY_LOGGERS = ("alembic", "asyncio", "httpcore", "httpx", "hypercorn", "PIL", "sqlalchemy")
"""Libraries whose everyday lines say nothing to the owner of a house; their warnings do."""


def build_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger in front of the standard library's logger *name*."""
    if structlog.get_config()["processors"] is not FRONT:
        structlog.configure(
            processors=FRONT,
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def install(settings: "Settings") -> None:
    """Replace all handlers by those that *settings* asks for, and set the levels."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.addHandler(_build_stderr_handler(settings))
    root.setLevel(settings.log_level)
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    path = settings.log_file_path
    if path is None:
        return
    if (problem := validate_log_file_path(path)) is not None:
        build_logger(__name__).warning("log_file_unusable", path=path, reason=problem)
        return
    file_handler = LogFileHandler(path, settings.log_file_max_bytes, settings.log_file_backup_count)
    is_json = settings.log_format != "console"  # a file is no terminal
    file_handler.setFormatter(build_formatter(is_json=is_json, has_colors=False))
    root.addHandler(file_handler)


def _build_stderr_handler(settings: "Settings") -> StderrHandler:
    is_terminal = sys.stderr.isatty()
    is_console = settings.log_format == "console" or (settings.log_format == "auto" and is_terminal)
    has_colors = is_terminal and not os.environ.get("NO_COLOR")
    handler = StderrHandler()
    handler.setFormatter(build_formatter(is_json=not is_console, has_colors=has_colors))
    return handler
