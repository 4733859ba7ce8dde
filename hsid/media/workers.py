"""Worker processes: calls that may crash, hang or eat memory, and cost one call when they do.

Guarantees that a call ends: with its result, with the `RefusedError` that it raised, with a
`WorkerCallError` in place of any other exception, or with a `RefusedError` once it has killed,
outlasted or overfilled two workers in a row. A cancelled call's worker is killed at
once. Workers start on demand, at most `WorkerLimits.processes` at a time, and end by themselves
when idle or when the daemon is gone.

What is called must be a module-level function of a module that is cheap to import here as well as
there; heavy imports belong inside it.

anyio's worker processes stand in the terminal's process group and take a Ctrl-C for a call: from
then on every answer goes to the call after the one it belongs to. They also stay when idle. So hsid
keeps its own.
"""

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from signal import Signals
from typing import Self, TypeVar, TypeVarTuple, cast

import trio

from hsid.media import child
from hsid.model import RefusalReason, Seconds
from hsid.observe.logging_redaction import is_secret_key
from hsid.refusal import RefusedError

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")

_END_GRACE: Seconds = 5.0
"""How long a killed process may take to vanish; only one stuck in the kernel takes longer."""

_ORPHAN_MARGIN: Seconds = 5.0
"""How much later than the pool a worker itself ends a call, in case the pool is gone."""

_ENVIRONMENT = {
    # The processes are the parallelism; idle thread pools would only take address space.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Builds of onnxruntime report to their maker unless told not to; a camera's house never does.
    "ORT_DISABLE_TELEMETRY": "1",
}


def environment_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a worker, which reads strangers' files, gets of the daemon's *environment*.

    Neither settings nor anything that looks like a secret; URLs may hold one and are of no use
    there.
    """
    return {
        name: value
        for name, value in environment.items()
        if not (name.upper().startswith("HSID_") or is_secret_key(name) or _is_url(name, value))
    } | _ENVIRONMENT


def _is_url(name: str, value: str) -> bool:
    return name.upper().endswith("_URL") or "://" in value


def _usable_processors() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What worker processes may use: one process a processor by default.

    *memory_bytes* is address space, libraries included.
    """

    processes: int = field(default_factory=_usable_processors)
    memory_bytes: int = 1 << 30
    call_seconds: Seconds = 30.0
    idle_seconds: Seconds = 60.0


class WorkerStartError(Exception):
    """No worker process can be started: the machine is at fault, not what was to be called."""


class WorkerCallError(Exception):
    """The call raised something else than a refusal; this says what, in words.

    The exception itself stays there: not each can be pickled, and its class may belong to a library
    that the daemon must not load.
    """


class WorkerLostError(Exception):
    """A worker is of no use any more because of a call; *detail* says how it ended."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class WorkerRetiredError(Exception):
    """A worker ended for lack of work just before it was asked."""


class Worker:
    """One worker process. It is asked one thing at a time."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._stdin = cast("trio.lowlevel.FdStream", process.stdin)
        self._stdout = cast("trio.lowlevel.FdStream", process.stdout)

    @classmethod
    async def start(cls, limits: WorkerLimits) -> Self:
        """Start a process; *processes* of *limits* is the caller's affair."""
        alarm = math.ceil(limits.call_seconds + _ORPHAN_MARGIN)
        arguments = (limits.memory_bytes, limits.idle_seconds, alarm)
        try:
            process = await trio.lowlevel.open_process(
                [sys.executable, "-P", "-m", child.__name__, *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=environment_of(os.environ),
            )
        except OSError as error:
            raise WorkerStartError(f"cannot start a worker process: {error}") from error
        # Collects the exit status of a worker that ends while nobody asks, so that no zombie stays.
        trio.lowlevel.spawn_system_task(process.wait)
        return cls(process)

    @property
    def has_ended(self) -> bool:
        """Tell whether the process has gone, which one stuck in the kernel never does."""
        return self._process.poll() is not None

    async def ask(self, request: bytes) -> tuple[child.Outcome, bytes]:
        """Return what came of *request*; raise if the worker is lost by it."""
        try:
            await self._stdin.send_all(child.LENGTH.pack(len(request)) + request)
            outcome, length = child.HEADER.unpack(await self._receive(child.HEADER.size))
            answer = await self._receive(length)
        except (trio.BrokenResourceError, EOFError) as error:
            raise _loss(await self._process.wait()) from error
        if outcome == child.Outcome.OUT_OF_MEMORY:
            raise WorkerLostError(RefusalReason.OUT_OF_MEMORY, "the memory limit was reached")
        return child.Outcome(outcome), answer

    async def end(self) -> None:
        """Kill the process and wait a moment until it has gone."""
        with trio.move_on_after(_END_GRACE, shield=True):
            self._process.kill()
            await self._process.wait()
        self._stdin.close()
        self._stdout.close()

    async def _receive(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            chunk = await self._stdout.receive_some(count - len(received))
            if not chunk:
                raise EOFError
            received += chunk
        return bytes(received)


def _loss(exit_code: int) -> WorkerLostError | WorkerRetiredError:
    """Return what it means that a worker ended with *exit_code* and without an answer."""
    if exit_code == child.IDLE_EXIT:
        return WorkerRetiredError()
    if exit_code >= 0:
        how = f"exit code {exit_code}"
    elif exit_code == -Signals.SIGKILL:
        how = "SIGKILL, as from the kernel when memory runs out"
    else:
        how = Signals(-exit_code).name
    return WorkerLostError(RefusalReason.DECODER_CRASHED, f"the worker process ended: {how}")


class WorkerPool:
    """Makes calls in worker processes. Its owner closes it in the trio run it was used in."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._slots = trio.CapacityLimiter(limits.processes)
        self._idle: list[Worker] = []
        self._is_closed = False

    async def run(self, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Return what *function* returns in a worker.

        Cancellation kills the worker that makes the call.

        Raises:
            RefusedError: *function* raised it, or two workers in a row died of the call, took too
                long or ran out of memory.
            WorkerCallError: *function* raised anything else.
            WorkerStartError: A worker could not be started.
        """
        request = pickle.dumps((function, arguments))
        async with self._slots:
            try:
                outcome, answer = await self._ask_twice(request)
            except WorkerLostError as lost:
                raise RefusedError(lost.reason, lost.detail) from lost
        value = pickle.loads(answer)  # noqa: S301 -- from hsid's own process, under its own user
        if outcome is child.Outcome.REFUSED:
            raise RefusedError(*value)
        if outcome is child.Outcome.RAISED:
            raise WorkerCallError(value)
        return cast("Result", value)

    async def aclose(self) -> None:
        """End the idle workers; one that makes a call ends after it."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().end()

    @property
    def processes(self) -> int:
        """How many calls can be made at a time."""
        return self._limits.processes

    async def _ask_twice(self, request: bytes) -> tuple[child.Outcome, bytes]:
        try:
            return await self._ask_any(request)
        except WorkerLostError:
            # Once may be the machine's fault: memory short for a moment, a stray signal.
            return await self._ask_any(request)

    async def _ask_any(self, request: bytes) -> tuple[child.Outcome, bytes]:
        try:
            return await self._ask(await self._take(), request)
        except WorkerRetiredError:  # it has not seen the request
            return await self._ask_any(request)

    async def _ask(self, worker: Worker, request: bytes) -> tuple[child.Outcome, bytes]:
        is_reusable = False
        try:
            with trio.fail_after(self._limits.call_seconds):
                answer = await worker.ask(request)
            is_reusable = not self._is_closed
        except trio.TooSlowError as error:
            detail = f"no result after {self._limits.call_seconds:g} s"
            raise WorkerLostError(RefusalReason.DECODER_TIMED_OUT, detail) from error
        finally:
            if is_reusable:
                self._idle.append(worker)
            else:
                await worker.end()
        return answer

    async def _take(self) -> Worker:
        """Return the worker that was used last, so that the others may retire; else a new one."""
        while self._idle:
            worker = self._idle.pop()
            if not worker.has_ended:
                return worker
            await worker.end()
        return await Worker.start(self._limits)
