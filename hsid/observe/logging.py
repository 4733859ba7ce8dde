"""The log: structlog in front, the standard library's handlers behind.

Guarantees that every line, hsid's own or a library's, goes through one chain that adds the time in
UTC and the bound ids, takes out secrets and can't be broken by what is logged: a call that logs
never raises. Lines go to stderr and, if it is usable, to a rotating file.

Log static events and put what varies beside them:

    log = get_logger(__name__)
    log.info("upload_settled", camera_id=camera.id, size=size)

structlog is imported with the first logger, so that importing this module costs little.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hsid.observe.logging_redaction import sanitize_error

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    # for its type only: reading settings takes far longer than importing this module should
    from hsid.config import Settings

__all__ = [
    "bind_ids",
    "get_logger",
    "get_request_id",
    "sanitize_error",
    "set_request_id",
    "setup_logging",
]

NOISY_LOGGERS = ("alembic", "asyncio", "httpcore", "httpx", "hypercorn", "PIL", "sqlalchemy")
"""Libraries whose everyday lines say nothing to the owner of a house; their warnings do."""

_REQUEST_ID = "request_id"


def setup_logging(settings: "Settings") -> None:
    """Send the log where *settings* says, replacing whatever handlers there were.

    A log file that can't be written is a warning in the log, and everything else works.
    """
    from hsid.observe.logging_file import validate_log_file_path  # noqa: PLC0415  as structlog is

    _configure_structlog()
    _replace_handlers([_build_stderr_handler(sys.stderr, settings.log_format)])
    logging.getLogger().setLevel(settings.log_level)
    _quieten(settings.log_level)
    path = settings.log_file_path
    if path is None:
        return
    if (problem := validate_log_file_path(path)) is None:
        logging.getLogger().addHandler(_build_file_handler(path, settings))
    else:
        get_logger(__name__).warning("log_file_unusable", path=str(path), reason=problem)


def get_logger(name: str) -> "BoundLogger":
    """Return the logger for the module *name*. It may be asked for before `setup_logging` ran."""
    import structlog  # noqa: PLC0415  heavy: see the module docstring

    _configure_structlog()
    logger: BoundLogger = structlog.stdlib.get_logger(name)
    return logger


@contextlib.contextmanager
def bind_ids(**ids: object) -> Iterator[None]:
    """Put *ids* on every line logged inside, by tasks and threads started inside as well.

    What was bound before is bound again on the way out.
    """
    import structlog  # noqa: PLC0415  heavy: see the module docstring

    with structlog.contextvars.bound_contextvars(**ids):
        yield


def get_request_id() -> str | None:
    """Return the id of the request that this task works for."""
    import structlog  # noqa: PLC0415  heavy: see the module docstring

    request_id = structlog.contextvars.get_contextvars().get(_REQUEST_ID)
    return None if request_id is None else str(request_id)


def set_request_id(request_id: str | None) -> None:
    """Put *request_id* on every further line of this task; None takes it off again."""
    import structlog  # noqa: PLC0415  heavy: see the module docstring

    if request_id is None:
        structlog.contextvars.unbind_contextvars(_REQUEST_ID)
    else:
        structlog.contextvars.bind_contextvars(**{_REQUEST_ID: request_id})


def _configure_structlog() -> None:
    import structlog  # noqa: PLC0415  heavy: see the module docstring

    from hsid.observe.logging_format import FRONT  # noqa: PLC0415  imports structlog

    if structlog.get_config()["processors"] is not FRONT:
        structlog.configure(
            processors=FRONT,
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )


def _replace_handlers(handlers: list[logging.Handler]) -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)


def _build_stderr_handler(stream: TextIO, log_format: str) -> logging.Handler:
    from hsid.observe.logging_format import build_formatter  # noqa: PLC0415  imports structlog

    is_terminal = stream.isatty()
    is_json = log_format == "json" or (log_format == "auto" and not is_terminal)
    has_colors = is_terminal and not os.environ.get("NO_COLOR")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(build_formatter(is_json=is_json, has_colors=has_colors))
    return handler


def _build_file_handler(path: Path, settings: "Settings") -> logging.Handler:
    from hsid.observe.logging_file import LogFileHandler  # noqa: PLC0415  as structlog is
    from hsid.observe.logging_format import build_formatter  # noqa: PLC0415  imports structlog

    handler = LogFileHandler(path, settings.log_file_max_bytes, settings.log_file_backup_count)
    is_json = settings.log_format != "console"
    handler.setFormatter(build_formatter(is_json=is_json, has_colors=False))
    return handler


def _quieten(level: str) -> None:
    threshold = max(logging.WARNING, logging.getLevelNamesMapping()[level])
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(threshold)
