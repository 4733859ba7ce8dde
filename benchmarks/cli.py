"""How long `hsictl` takes to say something, beside Python saying nothing.

- `hsictl status` and `hsictl status --json` against a real daemon: the document is there and whole;
- `hsictl version`, which asks nobody;
- `python3 -c pass` and `python3 -c 'import click'`, each by the same interpreter.

The programs take turns, so that what else happens on the machine meets them all alike.

`python -m benchmarks.cli [--rounds 30] [--json]`
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks._daemon import running
from benchmarks._report import at_most, print_report, spread

GOAL_MS = 150.0
GOAL_TIMES = 3.0  # as often as Python itself, where that is slow
WARM_UPS = 2

_ROOT = Path(__file__).parents[1]
_HSICTL = (sys.executable, "-m", "hsid.cli.hsictl")


def commands(socket: Path) -> dict[str, tuple[str, ...]]:
    """Return what is measured, by name."""
    at = ("--socket", str(socket))
    return {
        "python": (sys.executable, "-c", "pass"),
        "python_click": (sys.executable, "-c", "import click"),
        "hsictl_version": (*_HSICTL, "version"),
        "hsictl_status": (*_HSICTL, *at, "status"),
        "hsictl_status_json": (*_HSICTL, *at, "status", "--json"),
    }


def measure(programs: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds that each of *programs* took, *rounds* times."""
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(WARM_UPS + rounds):
        for name, command in programs.items():
            milliseconds = _run(command)
            if number >= WARM_UPS:
                taken[name].append(milliseconds)
    return taken


def _run(command: Sequence[str]) -> float:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])
    }
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=_ROOT)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="the only format there is")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as base, running(Path(base)) as daemon:
        taken = measure(commands(daemon.socket_path), arguments.rounds)
    bare = statistics.median(taken["python"])
    allowed = max(GOAL_MS, GOAL_TIMES * bare)
    goals = [
        at_most(f"{name}_p50_ms", statistics.median(taken[name]), allowed)
        for name in ("hsictl_status", "hsictl_status_json")
    ]
    raw: dict[str, object] = {f"{name}_ms": spread(values) for name, values in taken.items()}
    status = statistics.median(taken["hsictl_status"])
    print_report("cli", raw | {"status_times_python": round(status / bare, 2)}, goals)


if __name__ == "__main__":
    main()
