"""Intake's door for actors: inspection in bounded threads, with arrivals as the result.

Guarantees that a cancelled caller leaves at once; a thread stuck on a dead disk keeps its place
among the bounded ones until the kernel lets it go, and closes what it opened.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import trio

from hsid.intake.cameras import camera_of
from hsid.intake.capture_time import capture_time
from hsid.intake.errors import UnknownTimezoneError
from hsid.intake.hints import Look, Stamp
from hsid.intake.inspection import (
    Changed,
    Findings,
    Limits,
    inspect_file,
    look_at,
    read_version,
)
from hsid.intake.names import base_name
from hsid.model import Arrival, Camera, FileVersion


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Inspector:
    """Looks at, inspects and reads files below one watch root."""

    def __init__(
        self,
        root: Path,
        limits: Limits,
        *,
        cameras: Iterable[Camera] = (),
        timezone: str | None = None,
        threads: int = 4,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Set up for *root*; nothing is opened yet.

        Args:
            root: The watch root; may be a symbolic link.
            limits: What a file may measure.
            cameras: The configured ones; others are made from their folders' names.
            timezone: The zone of cameras that name none; None for this machine's.
            threads: How many files are read at a time.
            now: The wall clock that arrivals are dated with.

        Raises:
            UnknownTimezoneError: One of the zones does not exist.
        """
        self._root = os.fsencode(root)
        self._limits = limits
        self._cameras = {camera.id: camera for camera in cameras}
        self._zone = None if timezone is None else _zone(timezone)
        self._zones = {
            camera.id: _zone(camera.timezone)
            for camera in self._cameras.values()
            if camera.timezone is not None
        }
        self._limiter = trio.CapacityLimiter(threads)
        # Of its own, so that a lone upload's first glance never queues behind a burst's reading.
        self._look_limiter = trio.CapacityLimiter(1)
        self._now = now

    async def look(self, paths: Sequence[bytes]) -> list[Look | None]:
        """Glance at *paths*, all in one thread; None stands for a file that is gone."""

        def look_at_all() -> list[Look | None]:
            return [look_at(self._root, path) for path in paths]

        return await trio.to_thread.run_sync(
            look_at_all, abandon_on_cancel=True, limiter=self._look_limiter
        )

    async def inspect(self, path: bytes, stamp: Stamp) -> Arrival | Changed:
        """Inspect version *stamp* of *path*.

        Returns:
            The arrival, refused or not; `Changed` if the path holds another version by now.

        Raises:
            RootUnavailableError: The root is gone: no file is to blame.
        """
        findings = await trio.to_thread.run_sync(
            inspect_file,
            self._root,
            path,
            stamp,
            self._limits,
            abandon_on_cancel=True,
            limiter=self._limiter,
        )
        return findings if isinstance(findings, Changed) else self._arrival(path, stamp, findings)

    async def read(self, version: FileVersion) -> bytes:
        """Return the content of an inspected *version*; see `inspection.read_version`."""
        return await trio.to_thread.run_sync(
            read_version, self._root, version, abandon_on_cancel=True, limiter=self._limiter
        )

    def camera_of(self, path: bytes) -> Camera:
        """Return the camera that *path* belongs to."""
        return camera_of(path, self._cameras)

    def _arrival(self, path: bytes, stamp: Stamp, findings: Findings) -> Arrival:
        received_at = self._now()
        camera = self.camera_of(path)
        captured_at, source = capture_time(
            findings.picture.taken if findings.picture else None,
            base_name(path),
            stamp.mtime_ns,
            received_at,
            self._zones.get(camera.id, self._zone),
        )
        return Arrival(
            version=stamp.version(path),
            camera_id=camera.id,
            received_at=received_at,
            captured_at=captured_at,
            capture_source=source,
            mime_type=findings.mime_type,
            sha256=findings.sha256,
            refusal=findings.refusal.reason if findings.refusal else None,
            detail=findings.refusal.detail if findings.refusal else None,
            camera_name=camera.name,
        )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownTimezoneError(name) from error
