"""The far end of a worker process: reads a call, makes it, writes what came of it.

Guarantees that nothing but answers reaches the pipe to the daemon, that the memory of the process
is limited, and that it ends by itself: at once when the daemon is gone, after a while when nothing
is asked, and by the kernel's alarm when a call runs on although nobody is left to end it. Started
by `hsid.media.workers` in a session of its own, so a Ctrl-C on the terminal never reaches it; a
SIGTERM sent to the whole service is left to the daemon, which lets calls under way finish.

Keep this module light: it is all that a worker loads before its first call.
"""

import os
import pickle
import resource
import select
import signal
import struct
import sys
from enum import IntEnum
from typing import BinaryIO

from hsid.refusal import RefusedError

LENGTH = struct.Struct("!Q")
"""In front of a call: the number of bytes of its pickle."""
HEADER = struct.Struct("!BQ")
"""In front of an answer: an `Outcome` and the number of bytes of its pickle."""

IDLE_EXIT = 75
"""Exit code of a worker that ended because nothing was asked of it."""

_LONGEST_TEXT = 1000


class Outcome(IntEnum):
    """What came of a call."""

    RETURNED = 0
    REFUSED = 1
    """A `RefusedError` was raised; its arguments follow."""
    RAISED = 2
    """Something else was raised; its text follows."""
    OUT_OF_MEMORY = 3
    """The limit was hit; the worker ends, as its heap is of no use any more."""


def main() -> None:
    """Serve calls. Arguments: memory limit in bytes, seconds idle, whole seconds per call."""
    memory, idle, call = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    requests, answers = _take_pipes()
    while select.select([requests], [], [], idle)[0]:
        request = _read(requests)
        if request is None:
            return
        signal.alarm(call)
        outcome, answer = _make(request)
        signal.alarm(0)
        answers.write(HEADER.pack(outcome, len(answer)) + answer)
        if outcome is Outcome.OUT_OF_MEMORY:
            return
    sys.exit(IDLE_EXIT)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes out of the way of whatever prints or reads."""
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return requests, answers


def _read(requests: BinaryIO) -> bytes | None:
    """Return the next call; None when the daemon has gone, in mid-call or between two."""
    header = _read_exactly(requests, LENGTH.size)
    return header and _read_exactly(requests, LENGTH.unpack(header)[0])


def _read_exactly(requests: BinaryIO, count: int) -> bytes | None:
    read = bytearray()
    while len(read) < count:
        chunk = requests.read(count - len(read))
        if not chunk:
            return None
        read += chunk
    return bytes(read)


def _make(request: bytes) -> tuple[Outcome, bytes]:
    try:
        function, arguments = pickle.loads(request)  # noqa: S301 -- from the daemon itself
        return Outcome.RETURNED, pickle.dumps(function(*arguments))
    except MemoryError:
        return Outcome.OUT_OF_MEMORY, b""
    except RefusedError as refusal:
        return Outcome.REFUSED, pickle.dumps((refusal.reason, refusal.detail))
    except Exception as error:  # noqa: BLE001 -- whatever it is, the caller is told
        return Outcome.RAISED, pickle.dumps(_text(error))


def _text(error: Exception) -> str:
    """Return what *error* says; the exception itself might not survive a pickle."""
    try:
        return repr(error)[:_LONGEST_TEXT]
    except Exception:  # noqa: BLE001 -- any __repr__ may raise anything
        return type(error).__name__


if __name__ == "__main__":
    main()
