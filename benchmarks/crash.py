"""`kill -9` at random moments, over and over, while uploads come in: what is lost, what is doubled?

A real daemon with an instant detector over HTTP. In each of its lives it is fed some files and
killed while it works on them; further files come while it is down. One life in eight is so short
that the kill falls into the start, where the work of the life before is put back; whatever such a
kill finds does not count as work in flight, it may be the last one's. After the last kill the
daemon is left alone until nothing moves any more, stopped in order, and started once more: what
that heals is not lost. Then the folder is compared with the ledger, detections, batches, events,
counters and queues.

`--fault` puts a fault into the daemon (see `benchmarks._broken_daemon`): that the check can fail.

`python -m benchmarks.crash [--uploads 1000] [--kills 50] [--backend embedded|redis]
[--fault acks-first|states-first] [--seed SEED] [--json]`
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks._broken_daemon import FAULTS
from benchmarks._crash_audit import Audit, Wreck, audit, files_beneath, look_at_wreck
from benchmarks._crash_queues import BACKENDS, Queues, open_queues
from benchmarks._daemon import PATIENCE_S, PROGRAM, Daemon, launched, running
from benchmarks._instant_detector import DETECTIONS_EACH, instant_detector
from benchmarks._pictures import distinct_jpegs
from benchmarks._report import Goal, at_least, at_most, print_report
from hsid.store.database import open_read_only

CAMERAS = ("front", "yard", "street")
SETTINGS: dict[str, object] = {
    "detector": "rtdetr",
    "batch_window_seconds": 2,  # so short that batches are closed and judged in every life
    "batch_idle_timeout_seconds": 1,
    "batch_late_seconds": 5,
    "log_level": "CRITICAL",
}
EARLY_EVERY, EARLY_AFTER = 8, 4
"""Every so many kills one falls into the start, the first after so many others."""
LONGEST_GAP_S = 0.004
"""Between two files: about as fast as they are worked off."""
LONGEST_PAUSE_S = 0.05
"""Between the last file and the kill."""
IN_FLIGHT_GOAL = 0.8
"""Of the kills must find work in flight, or they prove nothing."""


@dataclass(frozen=True, slots=True)
class Life:
    """A daemon's life until it is killed. *moment* and *rest* are shares between 0 and 1."""

    is_early: bool
    """Killed *moment* of the usual starting time after it was launched, fed only when dead."""
    files: int
    awake: int
    """How many of the files it is fed while it runs; the others come when it is dead."""
    moment: float


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be done to a house."""

    uploads: int
    kills: int
    backend: str
    fault: str | None
    seed: int
    quiet_s: float
    """Who has changed nothing for so long, at the end, will change nothing any more."""

    def lives(self) -> Iterator[Life]:
        """Yield what the seed has decided for each life."""
        rng = random.Random(self.seed)  # noqa: S311 - chooses moments, guards nothing
        for number in range(self.kills):
            share = (number + 1) * self.uploads // self.kills - number * self.uploads // self.kills
            is_early = number % EARLY_EVERY == EARLY_AFTER
            awake = 0 if is_early else rng.randint(min(1, share), share)
            yield Life(is_early, share, awake, rng.random())


@dataclass(frozen=True, slots=True)
class Proof:
    """What came out of a course."""

    lives: tuple[Life, ...]
    wrecks: tuple[Wreck, ...]
    """What each life left behind."""
    audit: Audit
    detector_requests: int
    seconds: float

    @property
    def lost(self) -> int:
        """How many things were lost."""
        return sum(self.audit.lost.values())

    @property
    def double(self) -> int:
        """How many things were done twice."""
        return sum(self.audit.double.values())

    @property
    def kills_with_work_in_flight(self) -> int:
        """How many kills have left something begun and unfinished, those in the start apart."""
        return sum(
            wreck.has_work_in_flight and not life.is_early
            for life, wreck in zip(self.lives, self.wrecks, strict=True)
        )


class House:
    """The folders, the queues and the program of one course; files are fed to its cameras."""

    def __init__(self, base: Path, queues: Queues, course: Course, detector_url: str) -> None:
        self._base = base
        self._program = _program(course.fault)
        self._settings = SETTINGS | queues.settings | {"rtdetr_url": detector_url}
        self._queues = queues
        self._pictures = enumerate(distinct_jpegs(course.uploads, width=320, height=240))
        self._rng = random.Random(course.seed)  # noqa: S311 - paces the feeding, guards nothing
        self._starting_s = 1.0

    def live(self, life: Life) -> Wreck:
        """Run the daemon until it is killed; return what it leaves behind."""
        with launched(self._base, self._program, **self._settings) as daemon:
            if life.is_early:
                time.sleep(life.moment * self._starting_s)
            else:
                began = time.monotonic()
                daemon.wait_until_it_answers()
                self._starting_s = time.monotonic() - began
                self._feed(daemon.folder, life.awake)
                time.sleep(life.moment * LONGEST_PAUSE_S)
            daemon.kill()
        with open_read_only(daemon.database()) as database, database.snapshot() as connection:
            wreck = look_at_wreck(connection, self._queues.stats(connection))
        self._feed(daemon.folder, life.files - life.awake)
        return wreck

    def rest(self, uploads: int, quiet_s: float) -> None:
        """Run the daemon until it has nothing left to do, and stop it in order."""
        with running(self._base, self._program, **self._settings) as daemon:
            _wait_until_quiet(daemon, uploads, quiet_s)

    def audit(self) -> Audit:
        """Compare what was fed with what is stored, while no daemon runs."""
        files = files_beneath(self._base / "cameras")
        with (
            open_read_only(self._base / "data" / "security.db") as database,
            database.snapshot() as connection,
        ):
            queues = self._queues.stats(connection)
            return audit(connection, files, queues, each=DETECTIONS_EACH)

    def _feed(self, folder: Path, count: int) -> None:
        for number, picture in islice(self._pictures, count):
            camera = folder / self._rng.choice(CAMERAS)
            camera.mkdir(exist_ok=True)
            (camera / f"{number}.jpg").write_bytes(picture)
            time.sleep(self._rng.random() * LONGEST_GAP_S)


def prove(course: Course, base: Path) -> Proof:
    """Run *course* beneath *base*."""
    began = time.monotonic()
    with (
        instant_detector(base) as (url, arrivals),
        open_queues(course.backend, base) as queues,
    ):
        house = House(base / "house", queues, course, url)
        lives = tuple(course.lives())
        wrecks = tuple(map(house.live, lives))
        for _ in range(2):
            house.rest(course.uploads, course.quiet_s)
        result = house.audit()
        requests = len(arrivals.read_text().splitlines())
    return Proof(lives, wrecks, result, requests, round(time.monotonic() - began, 1))


def goals(course: Course, proof: Proof) -> Iterable[Goal]:
    """Return what is expected: nothing lost or doubled, or of a fault that it is found."""
    yield at_least(
        "kills that found work in flight",
        proof.kills_with_work_in_flight,
        IN_FLIGHT_GOAL * course.kills,
    )
    if course.fault == "states-first":
        yield at_least("lost, with the fault put in", proof.lost, 1)
    else:  # acknowledging first is healed from the ledger
        yield at_most("lost", proof.lost, 0)
        yield at_most("double", proof.double, 0)


def report(course: Course, proof: Proof) -> dict[str, object]:
    """Return the raw figures."""
    found = Counter(stage for wreck in proof.wrecks for stage, n in wreck.stages.items() if n)
    return {
        "backend": course.backend,
        "fault": course.fault,
        "seed": course.seed,
        "uploads": course.uploads,
        "kills": len(proof.wrecks),
        "kills_during_the_start": sum(life.is_early for life in proof.lives),
        "kills_with_work_in_flight": proof.kills_with_work_in_flight,
        "kills_that_found": dict(found),
        "lost": proof.lost,
        "double": proof.double,
        "lost_by_kind": proof.audit.lost,
        "double_by_kind": proof.audit.double,
        "stages": proof.audit.stages | {"detector requests": proof.detector_requests},
        "seconds": proof.seconds,
    }


def _program(fault: str | None) -> tuple[str, ...]:
    return PROGRAM if fault is None else ("benchmarks._broken_daemon", fault)


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


def main() -> None:
    """Run one course and print what came out of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--backend", choices=BACKENDS, default="embedded")
    parser.add_argument("--fault", choices=FAULTS, help="break the daemon in this way")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--quiet", type=float, default=40.0, help="seconds; a reconciler's round")
    parser.add_argument("--json", action="store_true", help="the only format there is")
    options = parser.parse_args()
    course = Course(
        uploads=options.uploads,
        kills=options.kills,
        backend=options.backend,
        fault=options.fault,
        seed=options.seed,
        quiet_s=options.quiet,
    )
    with tempfile.TemporaryDirectory() as folder:
        proof = prove(course, Path(folder))
    print_report("crash", report(course, proof), list(goals(course, proof)))


if __name__ == "__main__":
    main()
