"""What the whole way of an upload costs, from a file in the folder to its committed detections.

- the embedded detector: pictures per second, and what memory it takes;
- an instant detector over HTTP: pictures per second of hsid alone, in a burst;
- the same, one lone file at a time: milliseconds from its close to the detector's request;
- the idle daemon: memory and processor time.

`python -m benchmarks.pipeline [--embedded 60] [--burst 500] [--lone 40] [--idle 10] [--json]`
"""

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks._daemon import PATIENCE_S, Daemon, running
from benchmarks._instant_detector import instant_detector
from benchmarks._pictures import distinct_jpegs
from benchmarks._report import at_most, print_report, spread


def feed(folder: Path, pictures: Iterable[bytes]) -> None:
    """Put finished *pictures* into a camera's folder the way a camera does."""
    camera = folder / "front"
    camera.mkdir(exist_ok=True)
    for picture in pictures:
        (camera / f"picture_{time.monotonic_ns()}.jpg").write_bytes(picture)


def burst(daemon: Daemon, count: int) -> dict[str, float]:
    """Return how fast *count* pictures that lie ready are worked off."""
    pictures = list(distinct_jpegs(count))
    before = daemon.uploads()["arrived"]
    began = time.monotonic()
    feed(daemon.folder, pictures)
    written = time.monotonic()
    ended = daemon.wait_for(before + count)
    return {
        "pictures": count,
        "bytes_each": len(pictures[0]),
        "written_s": round(written - began, 3),
        "seconds": round(ended - began, 3),
        "per_second": round(count / (ended - began), 1),
    }


def lone_files(daemon: Daemon, arrivals: Path, count: int) -> list[float]:
    """Return, for *count* files one after the other, the milliseconds from close to request."""
    delays = []
    for picture in distinct_jpegs(count):
        known = _lines(arrivals)
        feed(daemon.folder, [picture])
        closed = time.monotonic()
        while len(lines := _lines(arrivals)) == len(known):
            if time.monotonic() > closed + PATIENCE_S:
                raise TimeoutError("the detector was never asked")
            time.sleep(0.001)
        delays.append(1000 * (float(lines[-1]) - closed))
        time.sleep(0.05)
    return delays


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def measure_embedded(base: Path, count: int, idle_s: float) -> dict[str, Any]:
    """Measure the daemon with its own detector: idle first, then at work."""
    with running(base, detector="embedded") as daemon:
        time.sleep(2.0)  # what starting left to do is not idling
        used, idle_rss = daemon.cpu_seconds(), daemon.rss_mb()
        time.sleep(idle_s)
        share = (daemon.cpu_seconds() - used) / idle_s
        feed(daemon.folder, distinct_jpegs(2))
        daemon.wait_for(2)
        result = burst(daemon, count)
        return {
            "idle_cpu_share": round(share, 4),
            "idle_rss_mb": idle_rss,
            "loaded_rss_mb": daemon.rss_mb(),
            "embedded": result,
        }


def measure_instant(base: Path, count: int, lone: int) -> dict[str, object]:
    """Measure the daemon with a detector that costs nothing."""
    base.mkdir()
    with (
        instant_detector(base) as (url, arrivals),
        running(base, detector="rtdetr", rtdetr_url=url) as daemon,
    ):
        delays = lone_files(daemon, arrivals, lone)
        return {"close_to_request_ms": spread(delays), "instant": burst(daemon, count)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedded", type=int, default=60)
    parser.add_argument("--burst", type=int, default=500)
    parser.add_argument("--lone", type=int, default=40)
    parser.add_argument("--idle", type=float, default=10.0)
    parser.add_argument("--json", action="store_true", help="the only format there is")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        embedded = measure_embedded(base / "embedded", options.embedded, options.idle)
        instant = measure_instant(base / "instant", options.burst, options.lone)
    goals = [
        at_most("idle daemon: share of one core", embedded["idle_cpu_share"], 0.005),
        at_most("idle daemon: resident memory, MiB", embedded["idle_rss_mb"]["daemon"], 120),
    ]
    print_report("pipeline", embedded | instant, goals)


if __name__ == "__main__":
    main()
