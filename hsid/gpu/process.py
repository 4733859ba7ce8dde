"""The process in which NVML lives, seen from the daemon.

Guarantees that a look ends: with what the cards report, or with a fault in place of a call that
hangs, a library that crashes, a process that can't be started. One process at a time: while one
that was given up is stuck in the kernel, where nothing can end it, no other joins it.
"""

import pickle
from typing import cast

import trio

from hsid.gpu import nvml
from hsid.gpu.survey import Fault, FaultKind, Outcome
from hsid.media import child
from hsid.media.workers import (
    Worker,
    WorkerLimits,
    WorkerLostError,
    WorkerRetiredError,
    WorkerStartError,
)
from hsid.model import Seconds

_REQUEST = pickle.dumps((nvml.look, ()))
_MEMORY = 4 << 30
"""Address space: the driver maps more than it uses."""


class NvmlProcess:
    """Looks at the cards in a process that is kept from one look to the next.

    Args:
        patience: How long a look may take.
        idle: After how long without a look the process ends by itself; longer than the pauses
            between looks.
    """

    def __init__(self, *, patience: Seconds = 10.0, idle: Seconds = 60.0) -> None:
        self._limits = WorkerLimits(1, _MEMORY, call_seconds=patience, idle_seconds=idle)
        self._worker: Worker | None = None
        self._is_given_up = False

    async def look(self) -> Outcome:
        """Return how the cards are, or why that can't be known.

        *Cancellation*: kills the process; the next look starts another.
        """
        if self._worker is None or self._worker.has_ended:
            try:
                self._worker = await Worker.start(self._limits)
            except WorkerStartError as error:
                return Fault(FaultKind.OTHER, str(error))
            self._is_given_up = False
        elif self._is_given_up:
            return Fault(FaultKind.HUNG, "a process is stuck in it and can't be ended")
        return await self._ask(self._worker)

    async def end(self) -> None:
        """End the process, so that the next look loads the library anew."""
        if self._worker is not None and not self._is_given_up:
            self._is_given_up = True
            await self._worker.end()

    async def _ask(self, worker: Worker) -> Outcome:
        is_usable = False
        try:
            with trio.fail_after(self._limits.call_seconds):
                outcome, answer = await worker.ask(_REQUEST)
            is_usable = outcome is child.Outcome.RETURNED
        except trio.TooSlowError:
            return Fault(FaultKind.HUNG, f"no answer within {self._limits.call_seconds:g} s")
        except WorkerLostError as lost:
            return Fault(FaultKind.CRASHED, lost.detail)
        except WorkerRetiredError:
            return Fault(FaultKind.OTHER, "the reading process had just ended")
        finally:
            if not is_usable:
                await self.end()
        value = pickle.loads(answer)  # noqa: S301 -- from hsid's own process, under its own user
        return cast("Outcome", value) if is_usable else Fault(FaultKind.OTHER, str(value))
