"""What tests of the log are built from: a root logger that is left as it was, and a journal."""

import array
import logging
import os
import socket
import sys
import warnings
from contextlib import contextmanager
from types import SimpleNamespace

import structlog

from hsid.observe import logging_secrets
from hsid.observe.logging_setup import NOISY_LOGGERS


def settings(**changes):
    """Return what setup_logging reads of the settings."""
    usual = {
        "debug": False,
        "log_level": "INFO",
        "log_format": "auto",
        "log_file_path": None,
        "log_file_max_bytes": 65_536,
        "log_file_backup_count": 2,
        "log_db_enabled": False,
        "log_db_min_level": "DEBUG",
    }
    return SimpleNamespace(**usual | changes)


@contextmanager
def kept_log():
    """Take the handlers off, and put everything back afterwards; give the root logger."""
    root = logging.getLogger()
    handlers, level, hidden = root.handlers[:], root.level, logging_secrets._hidden
    names = [*NOISY_LOGGERS, "sqlalchemy.engine", "hsid.test"]
    levels = {name: logging.getLogger(name).level for name in names}
    hook = sys.excepthook
    root.handlers.clear()
    root.setLevel(logging.WARNING)
    for name in names:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.contextvars.clear_contextvars()
    yield root
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in names:
        logging.getLogger(name).setLevel(levels[name])
    sys.excepthook = hook
    logging.captureWarnings(capture=False)
    logging_secrets._hidden = hidden
    structlog.contextvars.clear_contextvars()


def drop_handlers_of_pytest():
    """Take off what pytest puts on the root logger for each phase of a test: it raises."""
    root = logging.getLogger()
    root.handlers[:] = [
        each for each in root.handlers if not type(each).__module__.startswith("_pytest")
    ]


class Journal:
    """Listens as systemd's journal does, and reads its protocol."""

    def __init__(self, path):
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(5)

    def close(self):
        self._socket.close()

    def read(self):
        """Return the next entry, whether it came by itself or in a file."""
        data, ancillary, _, _ = self._socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        self.came_in_file = bool(ancillary)
        if ancillary:
            (file,) = array.array("i", ancillary[0][2])
            with os.fdopen(file, "rb") as reader:
                reader.seek(0)
                data = reader.read()
        return dict(parse(data))

    def ignore(self):
        """Fill the buffer up, as a journal does that hangs."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                while True:
                    sender.sendto(b"MESSAGE=more\n", self.path)
            except BlockingIOError:
                return

    def catch_up(self):
        """Take all there is."""
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(1 << 20)
        except BlockingIOError:
            self._socket.settimeout(5)


def parse(data):
    """Yield the fields of an entry in the journal's protocol."""
    while data:
        line, _, data = data.partition(b"\n")
        name, has_value, value = line.partition(b"=")
        if not has_value:
            size = int.from_bytes(data[:8], "little")
            value, end, data = data[8 : 8 + size], data[8 + size : 9 + size], data[9 + size :]
            assert end == b"\n"
        yield name.decode(), value.decode()


def warn_of(text):
    """Have Python warn, as a library does."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(text, stacklevel=2)
