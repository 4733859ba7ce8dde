"""What can be done to the running daemon as a whole, and what comes of it.

`hsid.steering` does it; signals and the control socket ask for it. Which settings can be taken up
without a restart is a table here: whatever is not in it needs one, and is named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hsid.config import Settings
from hsid.config.given import DEFAULT
from hsid.model import Seconds


class Taker(StrEnum):
    """Who takes up a setting while the daemon runs. Actors have their names in the tree."""

    LOG = "log"
    CAMERAS = "cameras"
    DETECTOR = "detector"
    ANALYZER = "analyzer"
    WATCHER = "watcher"
    BATCHER = "batcher"
    RETENTION = "retention"
    GPU_MONITOR = "gpu-monitor"


RENEWED = (Taker.WATCHER, Taker.BATCHER, Taker.RETENTION, Taker.GPU_MONITOR)
"""Actors that are started anew for their settings; they hold nothing that would be lost."""

TAKERS: Mapping[str, tuple[Taker, ...]] = {
    "log_level": (Taker.LOG,),
    "log_format": (Taker.LOG,),
    "log_file_path": (Taker.LOG,),
    "log_file_max_bytes": (Taker.LOG,),
    "log_file_backup_count": (Taker.LOG,),
    "log_db_enabled": (Taker.LOG,),
    "log_db_min_level": (Taker.LOG,),
    "debug": (Taker.LOG,),
    "cameras": (Taker.CAMERAS, Taker.WATCHER),
    "settle_seconds": (Taker.WATCHER,),
    "rescan_interval_seconds": (Taker.WATCHER,),
    "max_file_bytes": (Taker.WATCHER,),
    "detection_confidence_threshold": (Taker.DETECTOR,),
    "detection_classes": (Taker.DETECTOR,),
    "batch_window_seconds": (Taker.BATCHER,),
    "batch_idle_timeout_seconds": (Taker.BATCHER,),
    "batch_max_detections": (Taker.BATCHER,),
    "batch_late_seconds": (Taker.BATCHER,),
    "severity_low_max": (Taker.ANALYZER,),
    "severity_medium_max": (Taker.ANALYZER,),
    "severity_high_max": (Taker.ANALYZER,),
    "retention_days": (Taker.RETENTION,),
    "log_retention_days": (Taker.RETENTION,),
    "retention_max_bytes": (Taker.RETENTION,),
    "retention_min_free_bytes": (Taker.RETENTION,),
    "retention_interval_minutes": (Taker.RETENTION,),
    "delete_images": (Taker.RETENTION,),
    "gpu_poll_interval_seconds": (Taker.GPU_MONITOR,),
    "gpu_stats_history_minutes": (Taker.GPU_MONITOR,),
}
"""The settings that a reload takes up, and by whom."""


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What a reload did: names of settings, in the order of the example file."""

    applied: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    """Changed in the file, and not in force before the daemon is started anew."""

    def __str__(self) -> str:
        applied = f"took up {', '.join(self.applied)}" if self.applied else "nothing to take up"
        if not self.needs_restart:
            return applied
        return f"{applied}; a restart is needed for {', '.join(self.needs_restart)}"

    @property
    def takers(self) -> frozenset[Taker]:
        """Who has something to take up."""
        return frozenset(taker for name in self.applied for taker in TAKERS[name])


def compare(present: Settings, read: Settings) -> ReloadReport:
    """Return what changes from the settings *present* to those just *read*. Pure."""
    changed = [
        name for name in Settings.model_fields if getattr(present, name) != getattr(read, name)
    ]
    # A default that changed follows from another setting, and with that from now on or not at all.
    given = {name for name in changed if {present.origin(name), read.origin(name)} != {DEFAULT}}
    applied = tuple(name for name in changed if name in TAKERS and name in given)
    return ReloadReport(applied, tuple(name for name in changed if name not in applied))


class ReloadRefusedError(Exception):
    """The new settings were not taken up, nothing has changed; it says why, a line a problem."""


@dataclass(frozen=True, slots=True)
class DrainReport:
    """Whether everything in hand was finished, and how many entries were not."""

    left: int

    @property
    def is_finished(self) -> bool:
        """Whether nothing is in hand any more."""
        return self.left == 0


class Controls(Protocol):
    """The daemon as a whole, for who may turn it."""

    async def reload(self) -> ReloadReport:
        """Read all settings anew and take up what can be.

        Raises:
            ReloadRefusedError: They can't be used; nothing has changed.
        """
        ...

    async def drain(self, within: Seconds | None = None) -> DrainReport:
        """Take no new work, and wait until what is in hand is finished.

        The daemon stays up, and so until `resume`. Unless *within* is given, it waits as long as a
        stop would.
        """
        ...

    async def resume(self) -> None:
        """Take work again after a `drain`."""
        ...

    def stop(self, *, urgent: bool = False) -> None:
        """Begin the stop of the daemon, as SIGTERM does; *urgent* finishes nothing first."""
        ...
