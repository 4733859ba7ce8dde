"""The benchmark of the queues runs and reports; what it measures is not judged here."""

import json
import subprocess
import sys


def report(*options: str) -> dict:
    """Return the document of a short run without peers."""
    bounds = ["--messages", "300", "--rounds", "1", "--hops", "5", "--peers", "none"]
    command = [sys.executable, "-m", "benchmarks.queue", "--json", *bounds, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def verdicts(document: dict) -> dict[str, bool | None]:
    return {goal["name"]: goal["met"] for goal in document["goals"]}


def test_it_measures_redis_and_says_which_goals_it_could_not_measure() -> None:
    """Every message goes through; without the peers, their goal has no verdict."""
    document = report("--only", "redis-everysec")
    rates = document["raw"]["redis-everysec"]["per_second"]
    assert all(rates[name]["p50"] > 0 for name in ("hsid", "raw 100 by 100", "raw 1 by 1"))
    assert document["raw"]["redis-everysec"]["idle_hop"]["hsid"]["count"] == 5
    peers, *others = verdicts(document).values()
    assert peers is None
    assert None not in others


def test_it_measures_the_embedded_queue() -> None:
    """The same for SQLite, which needs no server."""
    document = report("--only", "sqlite")
    assert document["raw"]["sqlite"]["per_second"]["hsid"]["p50"] > 0
    assert verdicts(document)["sqlite: hop, times huey"] is None
