"""One daemon a data directory.

The kernel keeps the lock and drops it with the process, however that ends: there is nothing to
clean up after a kill, and a file left behind means nothing.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

from hsid.store.errors import DataDirLockedError, StoreUnavailableError

LOCK_NAME = "hsid.lock"
_FILE_MODE = 0o640
_MAX_PID_BYTES = 32


class DataDirLock:
    """The right to work on *data_dir*, held while the `with` block runs.

    Raises:
        DataDirLockedError: Another process holds it; on entry.
        StoreUnavailableError: The lock file can't be made or locked there; on entry.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_NAME
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock or raise; never wait."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, _FILE_MODE)
        except OSError as error:
            raise StoreUnavailableError(f"can't open {self._path}: {error.strerror}") from error
        try:
            self._lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back."""
        # The file stays: were it removed, two processes could hold locks on two files.
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            raise DataDirLockedError(self._path, _read_pid(descriptor)) from error
        except OSError as error:
            raise StoreUnavailableError(f"can't lock {self._path}: {error.strerror}") from error


def _read_pid(descriptor: int) -> int | None:
    digits = os.pread(descriptor, _MAX_PID_BYTES, 0).strip()
    return int(digits) if digits.isdigit() else None
