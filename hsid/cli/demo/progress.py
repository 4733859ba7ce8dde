"""How the demo shows that it gets on: a bar on a terminal, nothing anywhere else.

Speaks on stderr, so that stdout stays free for the result.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as Bar

from hsid.cli.client import Document
from hsid.cli.demo.story import Scene


class Progress:
    """Shows how many of the story's uploads have come to an end."""

    def __init__(self, bar: Bar, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task("the daemon starts", total=total)

    def delivered(self, scene: Scene) -> None:
        """Name the scene that a camera has just delivered."""
        self._bar.update(self._task, description=f"{scene.at:%H:%M:%S} {scene.camera}")

    def counted(self, status: Document) -> None:
        """Move the bar to where the `StatusReport` *status* is."""
        uploads = status["uploads"]
        self._bar.update(self._task, completed=uploads["arrived"] - uploads["pending"])


@contextmanager
def shown(total: int) -> Iterator[Progress]:
    """Show the way of *total* uploads while the block runs."""
    bar = Bar(
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
        # Lines on stdout go above the bar, but only where both end on the same terminal.
        redirect_stdout=sys.stdout.isatty(),
    )
    with bar:
        yield Progress(bar, total)
