"""The handlers of the log: stderr and a rotating file.

Guarantees that one that can't write harms nothing else: it tells the others once, and again only
after it had worked in between. The lines of that time are lost to it alone.
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


class _FailsAlone(logging.Handler):
    """A handler whose failures reach neither who logs nor, unbidden, stderr."""

    _is_failing = False
    _failures = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*; never raise."""
        failures = self._failures
        super().emit(record)
        if self._failures == failures:
            self._is_failing = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  stdlib's
        """Tell the other handlers once that this one fails."""
        self._failures += 1
        if not self._is_failing:
            # first, as this handler gets the line below too
            self._is_failing = True
            logging.getLogger(__name__).warning(
                "log_handler_failing", exc_info=sys.exception(), extra={"handler": self.name}
            )


class StderrHandler(_FailsAlone, logging.StreamHandler[TextIO]):
    """Writes to the stderr of the moment it was made."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.name = "stderr"


class LogFileHandler(_FailsAlone, RotatingFileHandler):
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
