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


def mutmut(*arguments: str) -> str:
    """Run mutmut, its progress going to stderr, and return what it prints."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def names_of(results: str, verdict: str) -> list[str]:
    """Return the mutants of which *results*, one `name: verdict` per line, say *verdict*."""
    pairs = (line.strip().rpartition(": ") for line in results.splitlines())
    return [name for name, _, said in pairs if said == verdict]


def main() -> int:
    """Run all mutants, report, and judge."""
    mutmut("run", "--max-children", "2")
    mutmut("export-cicd-stats")
    stats = json.loads(STATS.read_text())
    noticed = stats["killed"] + stats["timeout"]
    report = {
        "total": stats["total"],
        "killed": stats["killed"],
        "timeout": stats["timeout"],
        "share": round(noticed / stats["total"], 4),
        "goal": GOAL,
        "survivors": names_of(mutmut("results"), "survived"),
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return int(noticed < GOAL * stats["total"])


if __name__ == "__main__":
    sys.exit(main())
