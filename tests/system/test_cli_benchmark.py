"""The benchmark of the command line: it runs, and says what it promises to."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.cli import commands

ROOT = Path(__file__).parents[2]


def test_the_benchmark_tells_what_each_program_takes():
    """One document with every figure beside bare Python's, and a verdict."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cli", "--rounds", "2", "--json"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    document = json.loads(done.stdout)

    assert document["benchmark"] == "cli"
    assert all(document["raw"][f"{name}_ms"]["count"] == 2 for name in commands(Path("s")))
    assert [goal["name"] for goal in document["goals"]] == [
        "hsictl_status_p50_ms",
        "hsictl_status_json_p50_ms",
    ]


def test_the_common_path_imports_nothing_heavy():
    """What makes a program slow to start is only for the commands that need it."""
    heavy = {"pydantic", "trio", "httpx", "structlog", "sqlalchemy", "rich", "fastapi", "numpy"}
    script = "import sys, hsid.cli.hsictl, hsid.cli.house_commands; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert not heavy & set(done.stdout.split())
