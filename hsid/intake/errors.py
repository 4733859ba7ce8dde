"""What can go wrong in intake, told apart by whose fault it is.

`RefusedError` is the file's fault and becomes a refusal in the ledger. The others concern the
folder or this machine: no file is to blame, so none is refused.
"""

import errno

from hsid.model import RefusalReason
from hsid.refusal import RefusedError

OUR_OWN_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Failures to open that say nothing about the file: this machine has run out of something."""


class IntakeError(Exception):
    """Anything that intake raises by itself."""


class RootUnavailableError(IntakeError):
    """The watch root is missing, was moved away or can't be read: nothing can be taken in."""

    def __init__(self, root: bytes, detail: str) -> None:
        super().__init__(f"the watch root {root!r} is unavailable: {detail}")
        self.root = root
        self.detail = detail


class WatchLimitError(IntakeError):
    """The kernel grants no more inotify watches or instances. *sysctl* names the limit to raise."""

    def __init__(self, sysctl: str) -> None:
        super().__init__(
            f"the inotify limit is used up: raise it with `sysctl {sysctl}=...`; until then new"
            " files are found by the periodic scan only"
        )
        self.sysctl = sysctl


class UnknownTimezoneError(IntakeError):
    """A time zone is configured that this machine's zone database doesn't have."""

    def __init__(self, timezone: str) -> None:
        super().__init__(f"this machine knows no time zone {timezone!r}")
        self.timezone = timezone


class VanishedError(RefusedError):
    """The file is no longer there."""

    def __init__(self, detail: str) -> None:
        super().__init__(RefusalReason.VANISHED, detail)


class OverwrittenError(RefusedError):
    """The path holds another version by now; the one that was asked for is gone."""

    def __init__(self, detail: str) -> None:
        super().__init__(RefusalReason.OVERWRITTEN, detail)
