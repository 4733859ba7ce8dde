"""`make mutation`: change what decides in supervision a little, and see whether a test notices.

Prints one JSON document: how many mutants there were, how many a test noticed (by failing, or by
never coming to its end), and which none did. Ends with 1 if too many got away.
"""

import json
import subprocess
import sys
from pathlib import Path

GOAL = 0.95
STATS = Path("mutants/mutmut-cicd-stats.json")
MUTMUT = str(Path(sys.executable).with_name("mutmut"))


def mutate() -> None:
    """Try all mutants; progress goes to stderr."""
    subprocess.run([MUTMUT, "run", "--max-children", "2"], check=True, stdout=sys.stderr)
    subprocess.run([MUTMUT, "export-cicd-stats"], check=True, stdout=sys.stderr)


def survivors() -> list[str]:
    """Return the names of the mutants that no test noticed."""
    told = subprocess.run([MUTMUT, "results"], check=True, stdout=subprocess.PIPE, text=True)
    pairs = (line.strip().rpartition(": ") for line in told.stdout.splitlines())
    return [name for name, _, verdict in pairs if verdict == "survived"]


def main() -> int:
    """Run all mutants, report, and judge."""
    mutate()
    stats = json.loads(STATS.read_text())
    noticed = stats["killed"] + stats["timeout"]
    report = {
        "total": stats["total"],
        "killed": stats["killed"],
        "timeout": stats["timeout"],
        "share": round(noticed / stats["total"], 4),
        "goal": GOAL,
        "survivors": survivors(),
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return int(noticed < GOAL * stats["total"])


if __name__ == "__main__":
    sys.exit(main())
