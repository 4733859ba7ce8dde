"""Print the bytes of resident memory that N things take which run, in a process of their own.

`python -m benchmarks._crowd_memory children|tasks N`

A child is a temporary one under a `Supervisor`; a task is what trio needs for it at the least.
"""

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import trio.testing

from benchmarks._crowd import Crowd
from supervision import Restart


def resident_bytes() -> int:
    """Return what this process has in memory, rubbish excluded."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def children(count: int) -> AsyncIterator[None]:
    """Keep *count* children running for the block."""
    supervisor = Crowd(count).declared(Restart.TEMPORARY)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        yield
        supervisor.stop()


@asynccontextmanager
async def tasks(count: int) -> AsyncIterator[None]:
    """Keep *count* tasks running for the block."""
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()
        yield
        nursery.cancel_scope.cancel()


async def measure(kind: str, count: int) -> int:
    """Return the bytes that *count* of *kind* take."""
    keep = {"children": children, "tasks": tasks}[kind]
    async with keep(10):  # what the first ones load is no cost of the others
        pass
    before = resident_bytes()
    async with keep(count):
        return resident_bytes() - before


if __name__ == "__main__":
    print(trio.run(measure, sys.argv[1], int(sys.argv[2])))
