"""The benchmark of the store, on a small house."""

import json
import subprocess
import sys


def test_it_measures_both_databases_beside_their_bare_drivers() -> None:
    """Each question at two sizes, each way to write, each goal with its figure."""
    command = [sys.executable, "-m", "benchmarks.store", "--events", "500", "--writes", "100"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    report = json.loads(done.stdout)

    assert set(report["raw"]) == {"sqlite", "postgres"}
    for figures in report["raw"].values():
        assert all(cost["ms_at_500"] > 0 for cost in figures["questions"].values())
        assert all(
            rate > 0 for way in figures["events_per_second"].values() for rate in way.values()
        )
        assert set(figures["retention_rows_per_second"]) == {"hsid", "raw driver"}
        assert all(rate > 0 for rate in figures["retention_rows_per_second"].values())
    assert len(report["goals"]) == 2 * len(report["raw"]["sqlite"]["questions"])
    assert all(goal["value"] > 0 for goal in report["goals"])
