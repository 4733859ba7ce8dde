"""A house that is lived in and killed, over and over, by `benchmarks.crash`."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks._crash_audit import Audit, Wreck, audit, files_beneath, look_at_wreck
from benchmarks._crash_queues import Queues
from benchmarks._crash_store import Storage
from benchmarks._daemon import PATIENCE_S, PROGRAM, Daemon, launched, running
from benchmarks._instant_detector import DETECTIONS_EACH
from benchmarks._pictures import distinct_jpegs
from hsid.store.database import open_read_only

CAMERAS = ("front", "yard", "street")
SETTINGS: dict[str, object] = {
    "detector": "rtdetr",
    "batch_window_seconds": 2,  # so short that batches are closed and judged in every life
    "batch_idle_timeout_seconds": 1,
    "batch_late_seconds": 5,
    "log_level": "CRITICAL",
}
LONGEST_GAP_S = 0.004
"""Between two files: somewhat faster than they are worked off."""
LONGEST_PAUSE_S = 0.03
"""Between the request after which the kill is due, and the kill."""


@dataclass(frozen=True, slots=True)
class Life:
    """A daemon's life until it is killed."""

    is_early: bool
    """Killed *moment* of the usual starting time after it was launched, fed only when dead."""
    files: int
    awake: int
    """How many of the files it is fed, at most, while it runs; the others come when it is dead."""
    requests: int
    """After how many requests to the detector, and *moment* of the longest pause, it is killed."""
    moment: float
    """Between 0 and 1."""


class House:
    """Folders, queues and daemon of one course; files are fed to its cameras.

    Args:
        base: The folder of all.
        queues: Where the daemon has its queues.
        storage: Where it has its database.
        detector: The address of the detector, and the file in which it notes its requests.
        pictures: How many files there will be.
        fault: What is broken in the daemon; None for the daemon as it is.
        seed: Paces the feeding.
    """

    def __init__(
        self,
        base: Path,
        queues: Queues,
        storage: Storage,
        *,
        detector: tuple[str, Path],
        pictures: int,
        fault: str | None,
        seed: int,
    ) -> None:
        url, self._arrivals = detector
        self._base = base
        self._program = PROGRAM if fault is None else ("benchmarks._broken_daemon", fault)
        self._settings = SETTINGS | queues.settings | storage.settings | {"rtdetr_url": url}
        self._queues = queues
        self._storage = storage
        self._pictures = enumerate(distinct_jpegs(pictures, width=320, height=240))
        self._rng = random.Random(seed)  # noqa: S311 - paces the feeding, guards nothing
        self._count = pictures
        self._starting_s = 1.0

    def live(self, life: Life) -> Wreck:
        """Run the daemon until it is killed; return what it leaves behind."""
        fed = 0
        with launched(self._base, self._program, **self._settings) as daemon:
            if life.is_early:
                time.sleep(life.moment * self._starting_s)
            else:
                began = time.monotonic()
                daemon.wait_until_it_answers()
                self._starting_s = time.monotonic() - began
                fed = self._work(daemon, life)
            daemon.kill()
        with open_read_only(self._storage.url) as database, database.snapshot() as connection:
            wreck = look_at_wreck(connection, self._queues.stats(connection))
        for _ in range(life.files - fed):
            self._feed(daemon.folder)
        return wreck

    def rest(self, quiet_s: float) -> None:
        """Run the daemon until all is done or nothing changes for *quiet_s*; stop it in order."""
        with running(self._base, self._program, **self._settings) as daemon:
            _wait_until_quiet(daemon, self._count, quiet_s)

    def audit(self) -> Audit:
        """Compare what was fed with what is stored, while no daemon runs."""
        files = files_beneath(self._base / "cameras")
        with open_read_only(self._storage.url) as database, database.snapshot() as connection:
            queues = self._queues.stats(connection)
            return audit(connection, files, queues, each=DETECTIONS_EACH)

    def requests(self) -> int:
        """Return how often the detector was asked so far."""
        return self._arrivals.read_bytes().count(b"\n")

    def _work(self, daemon: Daemon, life: Life) -> int:
        """Feed *daemon* until its kill is due; return how many files it was fed."""
        fed, due = 0, self.requests() + life.requests
        deadline = time.monotonic() + PATIENCE_S
        while self.requests() < due:
            if time.monotonic() > deadline:
                raise TimeoutError("the detector is not asked")
            if fed < life.awake:
                self._feed(daemon.folder)
                fed += 1
            time.sleep(self._rng.random() * LONGEST_GAP_S)
        time.sleep(life.moment * LONGEST_PAUSE_S)
        return fed

    def _feed(self, folder: Path) -> None:
        number, picture = next(self._pictures)
        camera = folder / self._rng.choice(CAMERAS)
        camera.mkdir(exist_ok=True)
        (camera / f"{number}.jpg").write_bytes(picture)


def _wait_until_quiet(daemon: Daemon, uploads: int, quiet_s: float) -> None:
    """Wait until all is done, or nothing has changed for *quiet_s*."""
    deadline = time.monotonic() + PATIENCE_S
    last, since = None, time.monotonic()
    while time.monotonic() < deadline:
        status = daemon.status()
        counts, depth = status["uploads"], sum(map(_depth, status["queues"]))
        if counts["arrived"] == uploads and not counts["pending"] and not depth:
            return
        if (counts, depth) != last:
            last, since = (counts, depth), time.monotonic()
        elif time.monotonic() > since + quiet_s:
            return
        time.sleep(0.05)
    raise TimeoutError(f"never quiet in {PATIENCE_S:.0f} s: {last}")


def _depth(queue: dict[str, int]) -> int:
    return queue["ready"] + queue["leased"] + queue["delayed"]
