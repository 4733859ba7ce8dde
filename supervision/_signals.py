"""Signals: the first one stops the tree in order, the second one hurries, the third one ends it.

The handlers count and tasks obey: two signals that come at once are two, and the third works while
the event loop is held up.
"""

import logging
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

import trio

from supervision._handle import BaseSupervisor
from supervision._hard_exit import ExitFunction, exit_process

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

OnSignal: TypeAlias = Callable[[signal.Signals, int], object]
"""Is told of a signal, and how many have come with it."""

_PATIENT_SIGNALS = 2
"""One more ends the process at once, whatever it was doing; there is no time to tell of that."""

_logger = logging.getLogger("supervision")


class StopSignals:
    """The signals that have come, and what they are obeyed by; see `catch_stop_signals`."""

    def __init__(self, on_signal: OnSignal | None) -> None:
        self._on_signal = on_signal
        self._token = trio.lowlevel.current_trio_token()
        self._supervisor: BaseSupervisor | None = None
        self._exit: ExitFunction = exit_process
        self.count = 0
        """How many have come."""

    async def run(
        self,
        supervisor: BaseSupervisor,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run *supervisor* as a root until a signal, or something else, has stopped it.

        If a signal has come already, it is not even started.

        Cancellation: as in `Supervisor.run`.

        Raises:
            SupervisionError: as `Supervisor.run`, and as it is: never in an exception group.
        """
        if self.count:
            task_status.started()
            await trio.lowlevel.checkpoint()
            return
        self._supervisor, self._exit = supervisor, supervisor._exit_function  # noqa: SLF001 - ours
        try:
            await supervisor.run(task_status=task_status)
        finally:
            self._supervisor = None

    def receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's
        """Count a signal and have it obeyed; this runs wherever the main thread was."""
        self.count += 1
        if self.count > _PATIENT_SIGNALS:
            self._exit(128 + number)
        else:
            self._token.run_sync_soon(self._obey, signal.Signals(number), self.count)

    def _obey(self, number: signal.Signals, count: int) -> None:
        if self._supervisor is not None:
            self._supervisor.stop(urgent=count > 1)
        try:
            if self._on_signal is not None:
                self._on_signal(number, count)
        except Exception:
            _logger.exception("what is told of signals raised on %s", number.name)


@contextmanager
def catch_stop_signals(
    signals: Iterable[signal.Signals] = STOP_SIGNALS, *, on_signal: OnSignal | None = None
) -> Iterator[StopSignals]:
    """Take *signals* during the block: before a tree runs, while it does, and while one tidies up.

    For the main thread, inside of a trio run. The handlers that were there before come back.

    Args:
        signals: Which ones say that the process should stop.
        on_signal: Is told of the first and the second one, on the loop's thread.
    """
    caught = StopSignals(on_signal)
    before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}
    try:
        for number in signals:
            before[number] = signal.signal(number, caught.receive)
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


async def run_until_signalled(
    supervisor: BaseSupervisor,
    signals: Iterable[signal.Signals] = STOP_SIGNALS,
    *,
    on_signal: OnSignal | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run *supervisor* as the root of a process: the usual main function of a daemon.

    The first of *signals* stops it in order, the second one skips drain and grace, the third one
    ends the process at once with 128 and its number, as shells count.

    Args:
        supervisor: The root.
        signals: Which ones say that the process should stop.
        on_signal: Is told of the first and the second one, on the loop's thread.
        task_status: `nursery.start` waits until all of the tree is ready.

    Raises:
        SupervisionError: as `Supervisor.run`, and as it is: never in an exception group.
    """
    with catch_stop_signals(signals, on_signal=on_signal) as caught:
        await caught.run(supervisor, task_status=task_status)
