"""Where hints come from, and the choice of a source for a watch root.

A source tells of changes soon after they happen; it promises nothing more. The scan is the truth.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import structlog
import trio

from hsid.intake.errors import WatchLimitError
from hsid.intake.hints import Hint
from hsid.intake.inotify import InotifySource

_log = structlog.get_logger(__name__)


class Source(Protocol):
    """Tells of files that appear or are finished below one root.

    One task asks for hints; meanwhile another may call `renew`.
    """

    @property
    def degradation(self) -> WatchLimitError | None:
        """Why parts of the tree are not watched; None while all are.

        While it is set, what happens there is found by scans alone, so scan more often.
        """
        ...

    async def next_hints(self) -> list[Hint]:
        """Wait for the next hints and return them, at least one.

        Cancellation: nothing is lost, the next call returns what this one would have.

        Raises:
            RootUnavailableError: The root was removed or moved away.
        """
        ...

    async def renew(self) -> None:
        """Try again to watch what could not be watched. Call it before a periodic scan."""
        ...


class ScanOnlySource:
    """The source of last resort, which has no hints: only scans find anything."""

    def __init__(self, degradation: WatchLimitError) -> None:
        self._degradation = degradation

    @property
    def degradation(self) -> WatchLimitError | None:
        """Why there are no hints."""
        return self._degradation

    async def next_hints(self) -> list[Hint]:
        """Wait for ever."""
        await trio.sleep_forever()

    async def renew(self) -> None:
        """Change nothing: a new inotify instance needs a new source."""
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def open_source(root: Path) -> AsyncIterator[Source]:
    """Watch *root* inside the block; from its begin on, changes are told.

    Raises:
        RootUnavailableError: The root can't be watched.
    """
    try:
        source = InotifySource(root)
    except WatchLimitError as error:
        _log.warning("watching_impossible", error=str(error))
        yield ScanOnlySource(error)
        return
    try:
        await source.renew()
        yield source
    finally:
        source.close()
