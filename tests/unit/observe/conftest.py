"""Each test has the log to itself and leaves it as it found it."""

import io
import logging

import pytest
import structlog

from hsid.observe.logging import get_logger
from hsid.observe.logging_format import build_formatter
from hsid.observe.logging_setup import NOISY_LOGGERS


@pytest.fixture(autouse=True)
def quiet_root():
    """Take the handlers off, and put them and all levels back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    structlog.contextvars.clear_contextvars()
    yield root
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.contextvars.clear_contextvars()


@pytest.fixture(params=["console", "json"])
def log(request, quiet_root):
    """A logger whose lines in one format are to be read from its attribute `written`."""
    return attach(quiet_root, is_json=request.param == "json")


@pytest.fixture
def json_log(quiet_root):
    """A logger that writes JSON."""
    return attach(quiet_root, is_json=True)


def attach(root, *, is_json):
    """Let *root* write into memory; return a logger with the function that reads it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(build_formatter(is_json=is_json, has_colors=False))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    return Log(get_logger("hsid.test"), stream)


class Log:
    """A logger, and the lines that it has written."""

    def __init__(self, logger, stream):
        self.logger = logger
        self._stream = stream

    def __getattr__(self, name):
        # pytest puts handlers of its own back for each phase of a test, and those raise on purpose
        root = logging.getLogger()
        root.handlers[:] = [
            each for each in root.handlers if not type(each).__module__.startswith("_pytest")
        ]
        return getattr(self.logger, name)

    @property
    def text(self):
        """All that was written."""
        return self._stream.getvalue()

    @property
    def lines(self):
        """The lines that were written."""
        return self.text.splitlines()
