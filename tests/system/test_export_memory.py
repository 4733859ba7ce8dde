"""`hsid events export` as its users run it, in houses of two sizes."""

import os
import subprocess
import sys

from benchmarks import _store_filling as filling
from hsid.store.database import open_database

FEW, MANY = 20_000, 200_000
MARGIN = 1.1
"""The peak may be this much higher: what was freed is not always used again."""
PROGRAM = """
import atexit, sys
from pathlib import Path
from hsid.cli.hsid import main
# Of this program alone: what the system tells of a child includes the parent it was forked from.
atexit.register(lambda: sys.stderr.write(Path("/proc/self/status").read_text()))
main(prog_name="hsid")
"""


def export(folder):
    """Run the command; return its peak of memory in kB, and how many lines it wrote."""
    command = [sys.executable, "-c", PROGRAM, "events", "export"]
    environment = {**os.environ, "HSID_DATA_DIR": str(folder)}
    with (folder / "events.csv").open("wb") as written:
        done = subprocess.run(
            command, stdout=written, stderr=subprocess.PIPE, env=environment, cwd=folder, check=True
        )
    fields = dict(line.split(":", 1) for line in done.stderr.decode().splitlines())
    with (folder / "events.csv").open() as read:
        return int(fields["VmHWM"].split()[0]), sum(1 for _ in read)


def test_ten_times_the_events_take_no_more_memory(tmp_path):
    """Written page by page: 200,000 events need what 20,000 need."""
    path = tmp_path / "security.db"
    open_database(path).close()
    filling.fill(f"sqlite:///{path}", 0, FEW, ("batches", "events"))
    few, lines = export(tmp_path)
    assert lines == 1 + FEW
    filling.fill(f"sqlite:///{path}", FEW, MANY - FEW, ("batches", "events"))
    many, lines = export(tmp_path)
    assert lines == 1 + MANY
    assert many <= few * MARGIN
