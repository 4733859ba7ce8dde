"""SIGUSR1: what everything is doing at this moment, on stderr, for whoever looks into a problem.

Works while the event loop is held up by Python code, as it is written from the signal's handler.
Changes nothing.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from types import FrameType

from supervision import ChildSnapshot, dump_stacks

_STDERR = 2


@contextmanager
def dumping_on_signal(tree: Callable[[], ChildSnapshot | None]) -> Iterator[None]:
    """Have SIGUSR1 write the supervision *tree*, and the stacks of all threads and tasks.

    For the main thread. The handler that was there before comes back.
    """

    def dump(_number: int, _frame: FrameType | None) -> None:
        text = StringIO()
        for line in tree_lines(tree()):
            print(line, file=text)
        dump_stacks("stacks", text)
        # Not through sys.stderr: it may be just this that the signal has interrupted.
        _write_all(_STDERR, text.getvalue().encode("utf-8", "replace"))

    before = signal.signal(signal.SIGUSR1, dump)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def tree_lines(root: ChildSnapshot | None) -> Iterator[str]:
    """Yield a line for each node of the tree, indented by its depth."""
    if root is None:
        yield "the supervision tree does not run yet"
        return
    yield "supervision tree"
    for node in root.walk():
        error = f", last error: {node.last_error}" if node.last_error else ""
        indent = "  " * (node.path.count("/") + 1)
        yield (
            f"{indent}{node.id} {node.state} for {node.age:.1f} s, incarnation {node.incarnation},"
            f" {node.restarts} restarts{error}"
        )


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
