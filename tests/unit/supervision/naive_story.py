"""What the naive model remembers of one child, and what it makes of a run's end."""

import math
from dataclasses import dataclass, field

from supervision import ChildSpec, Restart, StopCause
from supervision._outcome import Declined, Raised, Returned

OUTCOME_OF_STOP = {StopCause.STALLED: "Stalled", StopCause.START_TIMED_OUT: "StartTimedOut"}
NOT_STARTED = ("StartFailed", "StartTimedOut")
ABNORMAL = ("Crashed", "Stalled", *NOT_STARTED)


@dataclass
class Story:
    """What has become of one child."""

    spec: ChildSpec
    since: float
    phase: str = "stopped"
    number: int = 0
    due: float = math.inf
    ready_at: float | None = None
    beat_at: float = 0.0
    asked: StopCause | None = None
    is_cancelled: bool = False
    restarts: int = 0  # since the last healthy run
    restarts_ever: int = 0
    trips: int = 0
    on_trial: bool = False
    starter: int | None = None
    is_new: bool = False
    stoppers: list = field(default_factory=list)
    zombies: set = field(default_factory=set)

    @property
    def is_temporary(self):
        return self.spec.restart is Restart.TEMPORARY

    @property
    def stage(self):
        return ("cancel" if self.is_cancelled else "ask") if self.phase == "stopping" else None

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

    def healthy_for(self, now):
        """Say how long the run that ends worked: neither its stop nor its silence is work."""
        if self.ready_at is None:
            return 0.0
        if self.asked is StopCause.STALLED:
            return self.beat_at - self.ready_at
        return (self.since if self.phase == "stopping" else now) - self.ready_at

    def comes_back(self, outcome):
        if self.is_temporary or outcome == "Ignored":
            return False
        return outcome in ABNORMAL or self.spec.restart is Restart.PERMANENT


def outcome_of(story, ending):
    """What the child's last run comes to; without an *ending* it was given up."""
    if story.asked is not None:
        return OUTCOME_OF_STOP.get(story.asked, "Stopped")
    if isinstance(ending, Raised) and ending.is_fatal:
        return "Fatal"
    if story.ready_at is None:
        return "Ignored" if isinstance(ending, Declined) else "StartFailed"
    return "Completed" if isinstance(ending, Returned) else "Crashed"


def error_of(outcome, ending):
    """Name the error behind the *outcome*, as the count of ends does; None if there is none."""
    if outcome in ("Stalled", "StartTimedOut", "Ignored", "Completed"):
        return None
    if isinstance(ending, Raised):
        return ending.failure.kind
    if outcome == "Stopped":
        return None
    return "IgnoreStart" if isinstance(ending, Declined) else "StartFailed"
