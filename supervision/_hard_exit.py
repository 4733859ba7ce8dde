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

ExitFunction: TypeAlias = Callable[[int], object]

EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h: an error inside the program
exit_process: ExitFunction = os._exit  # no clean-up: that is what did not end


def dump_stacks(reason: str, file: TextIO | None = None) -> None:
    """Write *reason*, the stack of every task, and that of every thread to *file* (stderr)."""
    out = file or sys.stderr
    print(f"hard exit: {reason}", file=out)
    for task in _tasks():
        print(f"task {task.name}", file=out)
        for frame, line in task.iter_await_frames():
            print(f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_name}", file=out)
    names = {each.ident: each.name for each in threading.enumerate()}
    for thread, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way
        print(f"thread {names.get(thread, thread)}", file=out)
        traceback.print_stack(frame, file=out)
    out.flush()


def _tasks() -> Iterator[trio.lowlevel.Task]:
    root = trio.lowlevel.current_root_task()
    waiting = [root] if root is not None else []
    while waiting:
        task = waiting.pop()
        yield task
        for nursery in task.child_nurseries:
            waiting.extend(nursery.child_tasks)
