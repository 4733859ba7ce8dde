"""`kill -9` at random moments, over and over, while uploads come in: what is lost, what is doubled?

A real daemon with an instant detector over HTTP. In each of its lives it is fed some files and
killed a moment after the detector was asked some times; further files come while it is down. One
life in eight is so short that the kill falls into the start, where the work of the life before is
put back; such a kill is not counted as one with work in flight, it may have found the last one's.

After the last kill the daemon is left alone until nothing moves any more, stopped in order, and
started once more: what that heals is not lost. Then the folder is compared with the ledger,
detections, batches, events, counters and queues.

`--fault` puts a fault into the daemon (see `benchmarks._broken_daemon`): that the check can fail.

`python -m benchmarks.crash [--uploads 1000] [--kills 50] [--backend embedded|redis]
[--store sqlite|postgres] [--fault acks-first|states-first] [--seed SEED] [--quiet 40] [--json]`
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks._broken_daemon import FAULTS
from benchmarks._crash_audit import Audit, Wreck
from benchmarks._crash_house import House, Life
from benchmarks._crash_queues import BACKENDS, open_queues
from benchmarks._crash_store import STORES, open_store
from benchmarks._instant_detector import instant_detector
from benchmarks._report import Goal, at_least, at_most, print_report

EARLY_EVERY, EARLY_AFTER = 8, 4
"""Every so many kills one falls into the start, the first after so many others: the very first
start makes the database, and without one there is nothing to look at."""
IN_FLIGHT_GOAL = 0.8
"""Of the kills must find work in flight, or they prove nothing."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be done to a house."""

    uploads: int
    kills: int
    backend: str
    store: str
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
            awake = rng.randint((share + 1) // 2, share)
            requests = rng.randint(min(1, awake), awake)
            yield Life(is_early, share, awake, requests, rng.random())


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


def prove(course: Course, base: Path) -> Proof:
    """Run *course* beneath *base*."""
    began = time.monotonic()
    with (
        instant_detector(base) as detector,
        open_queues(course.backend, base) as queues,
        open_store(course.store, base / "house" / "data") as storage,
    ):
        house = House(
            base / "house",
            queues,
            storage,
            detector=detector,
            pictures=course.uploads,
            fault=course.fault,
            seed=course.seed,
        )
        lives = tuple(course.lives())
        wrecks = tuple(map(house.live, lives))
        for _ in range(2):
            house.rest(course.quiet_s)
        result = house.audit()
    return Proof(lives, wrecks, result, house.requests(), round(time.monotonic() - began, 1))


def goals(course: Course, proof: Proof) -> Iterator[Goal]:
    """Return what is expected: nothing lost or doubled, or of a fault that it is found."""
    yield at_least(
        "kills that found work in flight",
        proof.kills_with_work_in_flight,
        IN_FLIGHT_GOAL * course.kills,
    )
    match course.fault:
        case None:
            yield at_most("lost", proof.lost, 0)
            yield at_most("double", proof.double, 0)
        case "acks-first":
            yield at_most("lost, as the reconciler puts it back from the ledger", proof.lost, 0)
        case _:
            yield at_least("lost, with the fault put in", proof.lost, 1)


def report(course: Course, proof: Proof) -> dict[str, object]:
    """Return the raw figures."""
    found = Counter(stage for wreck in proof.wrecks for stage, n in wreck.stages.items() if n)
    return {
        "backend": course.backend,
        "store": course.store,
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


def main() -> None:
    """Run one course and print what came out of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--backend", choices=BACKENDS, default="embedded")
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--fault", choices=FAULTS, help="break the daemon in this way")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--quiet", type=float, default=40.0, help="seconds; a reconciler's round")
    parser.add_argument("--json", action="store_true", help="the only format there is")
    options = parser.parse_args()
    if options.store == "postgres" and options.backend == "embedded":
        parser.error("queues are embedded in SQLite only: --store postgres needs --backend redis")
    course = Course(
        uploads=options.uploads,
        kills=options.kills,
        backend=options.backend,
        store=options.store,
        fault=options.fault,
        seed=options.seed,
        quiet_s=options.quiet,
    )
    with tempfile.TemporaryDirectory() as folder:
        proof = prove(course, Path(folder))
    print_report("crash", report(course, proof), list(goals(course, proof)))


if __name__ == "__main__":
    main()
