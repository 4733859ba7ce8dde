"""The last resort: say where everything stands, and end the process.

Trio can't kill a task and Python can't kill a thread; only the operating system can end what won't.
"""

import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import TextIO, TypeAlias

import trio

from supervision._outcome import Seconds

ExitFunction: TypeAlias = Callable[[int], object]

EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h: an error inside the program
exit_process: ExitFunction = os._exit  # no clean-up: that is what did not end

_DUMP_LIMIT: Seconds = 5.0


def end_process(
    reason: str,
    exit_function: ExitFunction,
    root: trio.lowlevel.Task | None = None,
    *,
    dump_limit: Seconds = _DUMP_LIMIT,
) -> None:
    """Write where everything stands, and exit with `EXIT_CODE`; works from any thread.

    A thread of its own writes, and is not waited for longer than *dump_limit*: what won't end may
    be whoever should read stderr.
    """
    writer = threading.Thread(
        target=dump_stacks,
        args=(f"hard exit: {reason}",),
        kwargs={"root": root},
        name="stack dump",
        daemon=True,
    )
    try:
        writer.start()
        writer.join(dump_limit)
    finally:
        exit_function(EXIT_CODE)


def dump_stacks(
    reason: str, file: TextIO | None = None, *, root: trio.lowlevel.Task | None = None
) -> None:
    """Write *reason*, the stack of every thread, and that of every task to *file* (stderr).

    Outside of trio's thread the tasks are those below *root*, and there are none without it.
    """
    out = file or sys.stderr
    print(reason, file=out)
    names = {each.ident: each.name for each in threading.enumerate()}
    for thread, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way
        print(f"thread {names.get(thread, thread)}", file=out)
        traceback.print_stack(frame, file=out)
    for task in _tasks(root or _current_root()):
        print(f"task {name_of(task)}", file=out)
        for frame, line in task.iter_await_frames():
            print(f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_name}", file=out)
    out.flush()


def name_of(task: trio.lowlevel.Task) -> str:
    """Return the task's name; whoever set it may have set anything."""
    try:
        return str(task.name)
    except Exception:  # noqa: BLE001 - a name that can't be told must not hide the rest
        return "(unnamed)"


def _current_root() -> trio.lowlevel.Task | None:
    return trio.lowlevel.current_root_task() if trio.lowlevel.in_trio_run() else None


def _tasks(root: trio.lowlevel.Task | None) -> Iterator[trio.lowlevel.Task]:
    waiting = [root] if root is not None else []
    while waiting:
        task = waiting.pop()
        yield task
        for nursery in tuple(task.child_nurseries):
            waiting.extend(tuple(nursery.child_tasks))
