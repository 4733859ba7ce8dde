"""Faults at exact moments: the n-th checkpoint of a coroutine, the n-th step of a task."""

import itertools
import types

import trio


@types.coroutine
def with_fault_at(number, coro, fault):
    """Run *coro*; when it comes back from its checkpoint *number*, *fault* says what it finds.

    *fault* returns an error, to be raised there, or does something else and returns None.
    """
    error, value = None, None
    for count in itertools.count(1):
        try:
            trap = coro.send(value) if error is None else coro.throw(error)
        except StopIteration as end:
            return end.value
        error, value = None, None
        try:
            value = yield trap
        except BaseException as raised:  # noqa: BLE001 - it is passed on, whatever it is
            error = raised
        if count == number:
            error = fault() or error


class CancelsAtStep(trio.abc.Instrument):
    """Cancels *scope* when the task called *name* is about to take its step *number*."""

    def __init__(self, name, number, scope):
        self._name, self._left, self._scope = name, number, scope

    @property
    def has_cancelled(self):
        return self._left <= 0

    def before_task_step(self, task):
        if task.name == self._name:
            self._left -= 1
            if self._left == 0:
                self._scope.cancel()
