"""What supervision costs, on the real clock, with no other work in the process.

- a restart without backoff: milliseconds from the crash of a child to the `ready` of its successor,
  alone and beside 20 siblings;
- the pure core: decisions per second in crash and restart, with 1, 10 and 1,000 children;
- memory of a supervisor with 5,000 temporary children, and of as many bare tasks;
- 5,000 children against 1,000: to start, to crash all at once, to be restarted, to stop.

`python -m benchmarks.restart [--restarts 2000] [--rounds 5] [--json]`
"""

import argparse
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import trio

from benchmarks._crowd import CrashError, Crowd, running
from benchmarks._report import at_most, print_report, spread
from supervision import (
    Backoff,
    ChildExited,
    ChildReady,
    ChildSpec,
    Context,
    Event,
    OnExhausted,
    Restart,
    Supervisor,
    SupervisorSpec,
)
from supervision._core import State, initial_state, step
from supervision._core._messages import Begin, Ended, Readied, Tick
from supervision._outcome import Failure, Raised
from supervision.testing import Obedient

FEW, MANY = 1_000, 5_000
RESTART_GOAL_MS = 5.0
SCALING_GOAL = 8.0  # times the cost for five times the children
CORE_SIZES = (1, 10, 1_000)
CORE_SECONDS = 0.5  # for each size
PAUSE_S = 0.001  # between ready and crash, so that every crash finds the loop at rest
NEVER = OnExhausted.NEVER


class Phoenix:
    """A child that dies and rises, over and over, and the sink that sees it rise."""

    def __init__(self, restarts: int) -> None:
        self.delays_ms: list[float] = []
        self.is_done = trio.Event()
        self._restarts = restarts
        self._crashed_at = 0.0

    async def __call__(self, ctx: Context) -> None:
        """Work for a moment and crash."""
        ctx.ready()
        await trio.sleep(PAUSE_S)
        if len(self.delays_ms) < self._restarts:
            self._crashed_at = time.perf_counter()
            raise CrashError
        self.is_done.set()
        await ctx.stopping.wait()

    def emit(self, event: Event) -> None:
        """Note how long its restart took; the supervisor has taken notice of it by now."""
        if isinstance(event, ChildReady) and event.child == "phoenix" and event.incarnation > 1:
            self.delays_ms.append(1000 * (time.perf_counter() - self._crashed_at))


async def restart_delays(restarts: int, siblings: int) -> list[float]:
    """Return, for each restart beside *siblings*, the milliseconds from crash to ready."""
    phoenix = Phoenix(restarts)
    others = [ChildSpec(f"sibling-{number}", Obedient()) for number in range(siblings)]
    child = ChildSpec("phoenix", phoenix, backoff=Backoff.none(), on_exhausted=NEVER)
    async with trio.open_nursery() as nursery:
        supervisor = Supervisor("root", [child, *others], sink=phoenix)
        await nursery.start(supervisor.run)
        await phoenix.is_done.wait()
        supervisor.stop()
    return phoenix.delays_ms


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the middle, the last hundredth and the worst of *values*."""
    return {
        "count": len(values),
        "p50": round(statistics.median(values), 3),
        "p99": round(statistics.quantiles(values, n=100)[-1], 3),
        "max": round(max(values), 3),
    }


def running_state(size: int) -> State:
    """Return the state of a supervisor whose *size* children are ready."""
    policy = partial(ChildSpec, start=Obedient(), backoff=Backoff.none(), on_exhausted=NEVER)
    spec = SupervisorSpec("root", tuple(policy(f"child-{number}") for number in range(size)))
    state, _ = step(initial_state(spec, path="root", seed=0.5, now=0.0), Begin(), 0.0)
    for child in spec.children:
        state, _ = step(state, Readied(child.id, 1), 0.0)
    return state


def decisions_per_second(size: int) -> int:
    """Return how many steps of crashing and restarting the core does in a second."""
    state = running_state(size)
    ending = Raised(Failure("CrashError", ""))
    names, decisions, now = list(state.children), 0, 0.0
    began = time.perf_counter()
    while time.perf_counter() < began + CORE_SECONDS:
        child = names[decisions // 3 % size]
        number = state.children[child].incarnation
        now += 1.0
        state, _ = step(state, Ended(child, number, ending), now)
        state, _ = step(state, Tick((child,)), now)
        state, _ = step(state, Readied(child, number + 1), now)
        decisions += 3
    return round(decisions / (time.perf_counter() - began))


def memory() -> dict[str, float]:
    """Return what MANY children take, each kind in a process of its own."""
    taken = {kind: _taken(kind) for kind in ("children", "tasks")}
    return {
        "children": MANY,
        "total_mib": round(taken["children"] / 2**20, 1),
        "bytes_per_child": round(taken["children"] / MANY),
        "of_which_bare_task": round(taken["tasks"] / MANY),
    }


def _taken(kind: str) -> int:
    command = [sys.executable, "-m", "benchmarks._crowd_memory", kind, str(MANY)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Laps:
    """Milliseconds between one mark and the next, by the name of the mark.

    Of the processor: nothing here waits for anything else, and what other programs take of the
    machine meanwhile is no part of it.
    """

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.process_time()

    def __call__(self, name: str) -> None:
        """Mark the end of the lap *name*."""
        now = time.process_time()
        self.laps[name] = 1000 * (now - self._last)
        self._last = now


async def temporary(count: int) -> dict[str, float]:
    """Return the laps of temporary children that crash at once."""
    crowd, laps = Crowd(count), Laps()
    async with running(crowd.declared(Restart.TEMPORARY), laps):
        crowd.signal.set()
        await crowd.tally.wait_for(ChildExited, count)
    return {"crash": laps.laps["work"]}


async def permanent(count: int) -> dict[str, float]:
    """Return the laps of permanent children that start, crash at once, come back, and stop."""
    crowd, laps = Crowd(count), Laps()
    async with running(crowd.declared(Restart.PERMANENT), laps):
        crowd.signal.set()
        await crowd.tally.wait_for(ChildReady, count)
    return {"start": laps.laps["start"], "restart": laps.laps["work"], "stop": laps.laps["stop"]}


async def dynamic(count: int) -> dict[str, float]:
    """Return the laps of children that are started one by one and stopped all at once."""
    crowd, laps = Crowd(count), Laps()
    supervisor = crowd.dynamic()
    async with running(supervisor, laps):
        for _ in range(count):
            await supervisor.start_child()
    return {"start_dynamic": laps.laps["work"], "stop_dynamic": laps.laps["stop"]}


def scaling(rounds: int) -> dict[str, dict[str, Any]]:
    """Return, for each thing that children do, what FEW and MANY need, taken in turn.

    Python's garbage collector is left as it is, for so it is in a daemon; it costs the many more.
    """
    laps: dict[str, dict[int, list[float]]] = {}
    courses: list[Callable[[int], Awaitable[dict[str, float]]]] = [temporary, permanent, dynamic]
    for _ in range(rounds):
        for course in courses:
            for count in (FEW, MANY):
                gc.collect()
                for name, lap in trio.run(course, count).items():
                    laps.setdefault(name, {FEW: [], MANY: []})[count].append(lap)
    return {name: _compared(each) for name, each in laps.items()}


def _compared(laps: dict[int, list[float]]) -> dict[str, Any]:
    ratio = statistics.median(laps[MANY]) / statistics.median(laps[FEW])
    return {
        "ms_of_1000": spread(laps[FEW]),
        "ms_of_5000": spread(laps[MANY]),
        "ratio": round(ratio, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="the only format there is")
    options = parser.parse_args()
    restarts = {
        "alone": percentiles(trio.run(restart_delays, options.restarts, 0)),
        "beside 20 siblings": percentiles(trio.run(restart_delays, options.restarts, 20)),
    }
    scaled = scaling(options.rounds)
    raw: dict[str, object] = {
        "crash_to_ready_ms": restarts,
        "decisions_per_second": {str(size): decisions_per_second(size) for size in CORE_SIZES},
        "memory": memory(),
        "scaling": scaled,
    }
    goals = [
        at_most(f"crash to ready {name}: p99, ms", each["p99"], RESTART_GOAL_MS)
        for name, each in restarts.items()
    ]
    goals += [
        at_most(f"{name}: 5,000 children over 1,000, times", each["ratio"], SCALING_GOAL)
        for name, each in scaled.items()
    ]
    print_report("restart", raw, goals)


if __name__ == "__main__":
    main()
