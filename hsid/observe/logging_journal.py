"""The log into systemd's journal, in its own protocol: every field can be asked for.

Guarantees that who logs never waits for the journal: what it does not take at once is lost to it,
and counted. A line of any size is sent, one that is too large for a datagram in a sealed file in
memory. `MESSAGE` is for people; the level is `PRIORITY`, the fields are `HSID_...`, and what the
catalog explains has its `MESSAGE_ID`, so that `journalctl -x` shows what to do.
"""

import array
import errno
import fcntl
import json
import logging
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from hsid.observe.logging_catalog import MESSAGE_IDS
from hsid.observe.logging_format import FIRST, Fields, fields_of, loss_of
from hsid.observe.logging_handlers import FailsAlone

JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"
IDENTIFIER: Final = "hsid"

_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
_DEBUG: Final = 7
_LONGEST_NAME: Final = 64
_SHORT: Final = {"child": "ACTOR", "risk_score": "RISK"}
"""Fields that have another name in the journal; of the others an `_id` at the end is left out."""

_APART: Final = ("exception", "stack")
"""Fields of many lines: they stand below the message, and nowhere else."""

_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def is_stderr_the_journal(environment: Mapping[str, str]) -> bool:
    """Tell whether what is written to stderr ends in the journal by itself.

    The variable alone says nothing, as it is inherited; it names the stream by device and inode.
    """
    try:
        stream = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # it is closed, or no file
        return False
    return environment.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


class JournalHandler(FailsAlone):
    """Sends to the journal that listens on *path*."""

    def __init__(self, path: str = JOURNAL_SOCKET) -> None:
        super().__init__()
        self.name = "journal"
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def write(self, record: logging.LogRecord) -> None:
        """Send *record*."""
        try:
            data = encode(entry_of(record, fields_of(record)))
        except ValueError as error:  # a number that has too many digits to be written
            data = encode(entry_of(record, loss_of(record, error)))
        try:
            self._socket.sendto(data, self._path)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            self._send_in_memory(data)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        super().close()

    def _send_in_memory(self, data: bytes) -> None:
        """Send the handle of a file with *data*, which nobody can change any more."""
        file = os.memfd_create(IDENTIFIER, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(file, "wb", closefd=False) as writer:
                writer.write(data)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))
            self._socket.sendmsg([], [rights], 0, self._path)
        finally:
            os.close(file)


def entry_of(record: logging.LogRecord, fields: Fields) -> Iterator[tuple[str, str]]:
    """Return the journal's fields of *record*, of which *fields* are told."""
    yield "MESSAGE", message_of(fields)
    yield "PRIORITY", str(priority_of(record.levelno))
    yield "SYSLOG_IDENTIFIER", IDENTIFIER
    yield "HSID_LOGGER", str(fields["logger"])
    yield "HSID_EVENT_NAME", str(fields["event"])
    yield "CODE_FILE", record.pathname
    yield "CODE_LINE", str(record.lineno)
    yield "CODE_FUNC", record.funcName or ""
    message_id = MESSAGE_IDS.get(str(fields["event"]))
    if message_id is not None:
        yield "MESSAGE_ID", message_id
    if (number := _errno_of(record)) is not None:
        yield "ERRNO", str(number)
    for key, value in fields.items():
        if key not in (*FIRST, *_APART) and value is not None:
            yield name_of(key), _text_of(value)


def encode(entry: Iterable[tuple[str, str]]) -> bytes:
    """Return *entry* in the journal's protocol; a value with line ends is sent with its length."""
    return b"".join(_encode_field(name, value.encode(errors="replace")) for name, value in entry)


def priority_of(level: int) -> int:
    """Return the priority of syslog for a level of Python's logging."""
    return next((priority for bound, priority in _PRIORITIES if level >= bound), _DEBUG)


def name_of(key: str) -> str:
    """Return what the field *key* is called in the journal: camera_id is `HSID_CAMERA`."""
    short = _SHORT.get(key, key.removesuffix("_id"))
    name = re.sub(r"[^A-Z0-9_]", "_", short.upper())
    return f"HSID_{name}"[:_LONGEST_NAME]


def message_of(fields: Fields) -> str:
    """Return a line for people: what happened, then what belongs to it; a traceback below."""
    apart = [str(fields[key]) for key in _APART if key in fields]
    beside = (
        f"{key}={_text_of(value)}" for key, value in fields.items() if key not in (*FIRST, *_APART)
    )
    return "\n".join([" ".join([str(fields["event"]), *beside]), *apart])


def _encode_field(name: str, value: bytes) -> bytes:
    if b"\n" not in value:
        return b"%s=%s\n" % (name.encode(), value)
    return b"%s\n%s%s\n" % (name.encode(), len(value).to_bytes(8, "little"), value)


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _errno_of(record: logging.LogRecord) -> int | None:
    """Return the number of the system's error that *record* is about, if it is about one."""
    exc_info = record.msg.get("exc_info") if isinstance(record.msg, dict) else record.exc_info
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if error is True:
        error = sys.exception()
    return error.errno if isinstance(error, OSError) else None
