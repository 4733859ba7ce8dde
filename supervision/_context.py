"""What a child is given: its identity, its supervisor's wishes, and two ways to speak."""

from collections.abc import Callable
from typing import Protocol

import trio

from supervision._errors import AlreadyReady
from supervision._events import EventSink
from supervision._outcome import ChildId, Seconds


class Services(Protocol):
    """What a root supervisor lends to the supervisors below it."""

    @property
    def sink(self) -> EventSink:
        """Where events go."""

    def draw_seed(self) -> float:
        """Return a random number for one life's jitter."""

    def exit_now(self, reason: str) -> None:
        """End the process."""


class Context:
    """One incarnation's view of its supervisor.

    It is also a trio `task_status`: `started` is `ready`, so it can be passed on to a function that
    follows trio's own convention.
    """

    def __init__(
        self, path: str, incarnation: int, *, services: Services, on_ready: Callable[[], None]
    ) -> None:
        self.path = path
        self.incarnation = incarnation
        self.stopping = trio.Event()
        self.services = services
        self.value: object = None
        self.beat_at: Seconds = trio.current_time()
        self.is_ready = False
        self.is_fenced = False
        self.is_paused = False
        self._on_ready = on_ready

    @property
    def id(self) -> ChildId:
        """The child's id: the last part of its path."""
        return self.path.rpartition("/")[2]

    def ready(self, value: object = None) -> None:
        """Say that the child works now; *value* goes to who started it by hand.

        Raises:
            AlreadyReady: it was said before, which is the child's mistake.
        """
        if self.is_ready:
            raise AlreadyReady(f"{self.path}#{self.incarnation} is ready already")
        self.is_ready = True
        self.value = value
        self._on_ready()

    started = ready

    def set_paused(self, is_paused: bool) -> None:  # noqa: FBT001 - the word from above
        """Note whether to take new work."""
        self.is_paused = is_paused

    def beat(self) -> None:
        """Give a sign of life; call it from the loop that does the work, waiting loops included."""
        self.beat_at = trio.current_time()

    def __repr__(self) -> str:
        return f"<Context {self.path}#{self.incarnation}>"
