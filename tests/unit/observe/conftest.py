"""Each test has the log to itself and leaves it as it found it."""

import io
import logging

import pytest

from hsid.observe.logging import get_logger
from hsid.observe.logging_format import build_formatter
from tests.unit.observe.log_rig import Journal, drop_handlers_of_pytest, kept_log


@pytest.fixture(autouse=True)
def quiet_root():
    """Take the handlers off, and put them and all levels back afterwards."""
    with kept_log() as root:
        yield root


@pytest.fixture
def journal(tmp_path):
    """What listens where a journal would."""
    journal = Journal(tmp_path / "journal")
    yield journal
    journal.close()


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

    def __init__(self, logger, stream=None):
        self.logger = logger
        self._stream = stream

    def __getattr__(self, name):
        drop_handlers_of_pytest()
        return getattr(self.logger, name)

    @property
    def text(self):
        """All that was written."""
        return self._stream.getvalue()

    @property
    def lines(self):
        """The lines that were written."""
        return self.text.splitlines()
