"""The handlers of the log: what all of them share, stderr, and a rotating file.

Guarantees that one that can't write harms nothing else: it tells the others once, and again only
after it had worked in between; then it says how many lines are lost to it alone.
"""

import logging
import os
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

_FILE_MODE = 0o640  # as the database's: who was at home when is nobody else's business


def validate_log_file_path(path: Path) -> str | None:
    """Make the folder of the log file; return None, or why the file can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(_open_private(os.fspath(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, _FILE_MODE)


class FailsAlone(logging.Handler):
    """A handler whose failures reach neither who logs nor, unbidden, stderr."""

    _failures = 0
    """Lines in a row that it could not write."""
    _has_failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*; never raise."""
        self._has_failed = False
        try:
            self.write(record)
        except Exception:  # noqa: BLE001 - told below
            self.handleError(record)
        if self._failures and not self._has_failed:
            lost, self._failures = self._failures, 0
            self._tell("log_handler_works_again", lost=lost)

    def write(self, record: logging.LogRecord) -> None:
        """Write *record*, or raise."""
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  stdlib's
        """Count a line that is lost; tell the other handlers of the first."""
        # first, as this handler gets the line below too
        self._has_failed = True
        self._failures += 1
        if self._failures == 1:
            self._tell("log_handler_failing", exc_info=sys.exception())
            self._has_failed = True

    def _tell(self, event: str, exc_info: BaseException | None = None, **fields: object) -> None:
        extra = {"handler": self.name, **fields}
        logging.getLogger(__name__).warning(event, exc_info=exc_info, extra=extra)


class StderrHandler(FailsAlone, logging.StreamHandler[TextIO]):
    """Writes to the stderr of the moment it was made."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.name = "stderr"


class LogFileHandler(FailsAlone, RotatingFileHandler):
    """Writes to *path*, and puts the file aside when it has grown to *max_bytes*."""

    def __init__(self, path: Path, max_bytes: int, backup_count: int) -> None:
        super().__init__(
            os.fspath(path), maxBytes=max_bytes, backupCount=backup_count, encoding="utf-8"
        )
        self.name = "file"

    def _open(self) -> TextIOWrapper:
        # Overridden for the mode alone; the file after a rollover has it as well.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return TextIOWrapper(
            os.fdopen(_open_private(self.baseFilename, flags), "ab"),
            encoding="utf-8",
            write_through=True,
        )
