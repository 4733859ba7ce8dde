"""What the naive model remembers of one child, and what it makes of a run's end."""

import math
from dataclasses import dataclass, field

from supervision import ChildSpec, Restart, StopCause
from supervision._outcome import Declined, Raised, Returned

OUTCOME_OF_STOP = {StopCause.STALLED: "stalled", StopCause.START_TIMED_OUT: "not started"}


@dataclass
class Story:
    """What has become of one child."""

    spec: ChildSpec
    phase: str = "stopped"
    number: int = 0
    due: float = math.inf
    ready_at: float | None = None
    beat_at: float = 0.0
    asked: StopCause | None = None
    asked_at: float = 0.0
    is_cancelled: bool = False
    restarts: int = 0  # since the last healthy run
    trips: int = 0
    on_trial: bool = False
    starter: int | None = None
    is_new: bool = False
    stoppers: list = field(default_factory=list)
    zombies: set = field(default_factory=set)

    @property
    def is_temporary(self):
        return self.spec.restart is Restart.TEMPORARY

    def forget_crashes(self):
        self.restarts, self.trips, self.on_trial = 0, 0, False

    def wait_for_trouble(self):
        """Set when a ready child is next looked at."""
        beat = self.spec.heartbeat_timeout
        healthy = self.ready_at + self.spec.backoff.healthy_after
        self.due = min(
            math.inf if beat is None else self.beat_at + beat,
            healthy if self.on_trial else math.inf,
        )


def outcome_of(story, ending):
    """What the child's last run comes to; without an *ending* it was given up."""
    if story.asked in OUTCOME_OF_STOP:
        return OUTCOME_OF_STOP[story.asked]
    if story.asked is not None:
        return "stopped"
    if isinstance(ending, Raised) and ending.is_fatal:
        return "fatal"
    if story.ready_at is None:
        return "ignored" if isinstance(ending, Declined) else "not started"
    return "completed" if isinstance(ending, Returned) else "crashed"
