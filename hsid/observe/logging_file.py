"""The rotating log file.

Guarantees that a file that can't be written harms nothing else: it is told once on the other
handlers, and told again only after it had worked in between. Lines of that time are lost to it.
"""

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path


def validate_log_file_path(path: Path) -> str | None:
    """Make the folder of the log file; return None, or why the file can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


class LogFileHandler(RotatingFileHandler):
    """Writes to *path*, and puts the file aside when it has grown to *max_bytes*."""

    def __init__(self, path: Path, max_bytes: int, backup_count: int) -> None:
        super().__init__(
            os.fspath(path), maxBytes=max_bytes, backupCount=backup_count, encoding="utf-8"
        )
        self._is_failing = False
        self._failures = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*; never raise."""
        failures = self._failures
        super().emit(record)
        if self._failures == failures:
            self._is_failing = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  stdlib's signature
        """Tell the other handlers once that the file fails."""
        self._failures += 1
        if not self._is_failing:
            # first, as this handler gets the line below too
            self._is_failing = True
            logging.getLogger(__name__).warning("log_file_failing", exc_info=sys.exception())
