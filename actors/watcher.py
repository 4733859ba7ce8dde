"""The watcher: turns what happens in the folder into uploads in the ledger.

Hints tell of changes at once, scans tell the truth: one at the start, one whenever hints were lost,
and one from time to time. What it holds in memory may be lost with it: the next scan finds it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import trio

from hsid.feeding import Feeder
from hsid.intake.hints import FileClosed, FileMovedIn, FileSeen, Hint, Rescan, Stamp
from hsid.intake.inspection import Changed
from hsid.intake.inspector import Inspector
from hsid.intake.scan import KnownVersions, Scan
from hsid.intake.settling import Settling, Verdict
from hsid.intake.source import Source, open_source
from hsid.model import Arrival, Seconds, Upload, UploadState
from hsid.observe.logging import bind_ids, get_logger
from hsid.observe.metrics import PipelineError, record_pipeline_error, record_upload_received
from hsid.queues.protocol import QueueUnavailableError
from supervision import Context

_INSPECTIONS = 4
"""How many files are inspected at a time: reading and hashing, no decoding."""

_STORE_PAUSE: Seconds = 1.0
"""Between two tries to reach a store that is away."""

_log = get_logger("actors.watcher")


@dataclass(frozen=True, slots=True)
class Watcher:
    """Watches *root*.

    *known_versions* reads the file versions that the ledger has; *rescan_interval* is the time
    between two periodic scans.
    """

    root: Path
    inspector: Inspector
    feeder: Feeder
    known_versions: Callable[[], Awaitable[KnownVersions]]
    settle_seconds: Seconds
    rescan_interval: Seconds

    async def run(self, ctx: Context) -> None:
        """Watch until asked to stop.

        Raises:
            RootUnavailableError: The folder is missing, or was taken away.
        """
        async with open_source(self.root) as source:
            ctx.ready()
            async with trio.open_nursery() as nursery:
                watch = _Watch(self, source, ctx)
                for part in watch.parts:
                    nursery.start_soon(part)
                await watch.look_until_stopped()
                nursery.cancel_scope.cancel()


class _Watch:
    """One incarnation's work: settling in the middle, fed by hints and scans."""

    def __init__(self, watcher: Watcher, source: Source, ctx: Context) -> None:
        self._watcher = watcher
        self._source = source
        self._ctx = ctx
        self._settling = Settling(watcher.settle_seconds)
        self._looking = trio.Event()
        self._scan_reason: str | None = "start"
        self._scan_wanted = trio.Event()
        self._complete, self._inspected = trio.open_memory_channel[tuple[bytes, Stamp]](0)
        self._arrivals, self._arrived = trio.open_memory_channel[Arrival](_INSPECTIONS)
        self.parts = (
            self._follow_hints,
            self._scan_when_wanted,
            self._enter_arrivals,
            *(self._inspect_complete for _ in range(_INSPECTIONS)),
        )

    async def look_until_stopped(self) -> None:
        """Look at files when they are due, and pass on what is complete."""
        while not self._ctx.stopping.is_set():
            self._looking = trio.Event()
            if due := self._settling.due(trio.current_time()):
                await self._look(due)
            if self._settling.take_overlooked():
                self._want_scan("there was no room for all files")
            wait = self._settling.next_look() - trio.current_time()
            with self._ctx.until_news(max(0.0, wait)):
                await self._looking.wait()
            await self._ctx.wait_resumed()

    async def _look(self, due: list[bytes]) -> None:
        looks = await self._watcher.inspector.look(due)
        for path, look in zip(due, looks, strict=True):
            verdict = self._settling.observe(path, look, trio.current_time())
            if look is not None and verdict is Verdict.COMPLETE:
                await self._complete.send((path, look.stamp))

    async def _follow_hints(self) -> None:
        while True:
            for hint in await self._source.next_hints():
                self._take(hint)
            self._looking.set()

    def _take(self, hint: Hint) -> None:
        now = trio.current_time()
        match hint:
            case FileClosed(path) | FileMovedIn(path):
                self._settling.finished(path, now)
            case FileSeen(path, stamp):
                self._settling.seen(path, stamp, now)
            case Rescan(reason):
                self._want_scan(reason)
            case _:
                assert_never(hint)

    def _want_scan(self, reason: str) -> None:
        self._scan_reason = reason
        self._scan_wanted.set()

    async def _scan_when_wanted(self) -> None:
        while True:
            reason, self._scan_reason = self._scan_reason or "interval", None
            await self._scan(reason)
            with trio.move_on_after(self._watcher.rescan_interval):
                await self._scan_wanted.wait()
            self._scan_wanted = trio.Event()

    async def _scan(self, reason: str) -> None:
        began = trio.current_time()
        await self._source.renew()
        scan = Scan(self._watcher.root, await self._watcher.known_versions())
        async for chunk in scan:
            for hint in chunk:
                self._take(hint)
            self._looking.set()
        report = scan.report
        _log.info(
            "folder_scanned",
            reason=reason,
            folders=report.folders,
            candidates=report.candidates,
            unknown=report.unknown,
            ignored=report.ignored,
            unreadable=report.unreadable,
            seconds=round(trio.current_time() - began, 3),
        )

    async def _inspect_complete(self) -> None:
        async for path, stamp in self._inspected:
            result = await self._watcher.inspector.inspect(path, stamp)
            match result:
                case Changed():
                    self._settling.take_back(path, stamp, trio.current_time())
                    self._looking.set()
                case Arrival():
                    await self._arrivals.send(result)
                case _:
                    assert_never(result)

    async def _enter_arrivals(self) -> None:
        """Enter what has gathered while the last was entered, as one group."""
        async for first in self._arrived:
            group = [first]
            while self._arrived.statistics().current_buffer_used:
                group.append(self._arrived.receive_nowait())
            for upload in await self._enter(group):
                if upload is not None:
                    _tell(upload)

    async def _enter(self, group: list[Arrival]) -> list[Upload | None]:
        """Enter *group*, however long the store is away; one that can't be stored is left out."""
        while True:
            try:
                return await self._watcher.feeder.receive(group)
            except QueueUnavailableError as error:
                _log.warning("ledger_unavailable", waiting=len(group), error=str(error))
                record_pipeline_error(PipelineError.STORE_UNAVAILABLE)
                self._ctx.beat()
                await trio.sleep(_STORE_PAUSE)
            except Exception:  # noqa: BLE001 - one file that can't be stored must not stop all others
                if len(group) == 1:
                    # Found again by every scan: there is no end for what the ledger can't hold.
                    _log.exception("arrival_not_stored", path=group[0].version.path)
                    record_pipeline_error(PipelineError.ARRIVAL_NOT_STORED)
                    return []
                return [upload for one in group for upload in await self._enter([one])]


def _tell(upload: Upload) -> None:
    record_upload_received(upload.camera_id)
    with bind_ids(upload_id=upload.id, camera_id=upload.camera_id):
        if upload.state is UploadState.REFUSED:
            _log.warning(
                "upload_refused",
                path=upload.version.path,
                reason=upload.reason,
                detail=upload.detail,
            )
        else:
            _log.info(
                "upload_arrived",
                path=upload.version.path,
                state=upload.state,
                captured_at=upload.captured_at.isoformat(),
                capture_source=upload.capture_source,
            )
