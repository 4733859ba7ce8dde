"""Every error of supervision, one class per situation.

`SupervisionError` is the base of all that this package raises. `DoNotRestart` and `IgnoreStart`
stand apart: children raise them to tell their supervisor something.
"""

# ruff: noqa: N818 - named for situations, like the errors of trio

from enum import StrEnum

from supervision._outcome import ChildId, Death, Failure, Seconds


class SupervisionError(Exception):
    """Base of every error that supervision raises."""


class SpecError(SupervisionError):
    """A child or supervisor was described in a way that can't work; *field* names the culprit.

    The fault is in the code that wrote the spec. Raised at construction, never while running.
    """

    def __init__(self, owner: str, field: str, problem: str) -> None:
        super().__init__(f"{owner}: {field} {problem}")
        self.owner = owner
        self.field = field
        self.problem = problem


class EscalationError(SupervisionError):
    """A supervisor stopped all its children and left, because of what *child* did.

    To a parent supervisor this is a crash, whatever the child's restart type (D1).
    """

    def __init__(self, supervisor: str, child: ChildId, problem: str) -> None:
        super().__init__(f"{supervisor}: {problem}")
        self.supervisor = supervisor
        self.child = child


class IntensityExceeded(EscalationError):
    """Children died more often than the restart intensity allows; *tally* is the offender's."""

    def __init__(self, supervisor: str, offender: ChildId, tally: tuple[Death, ...]) -> None:
        last = f", last: {tally[-1].cause} {tally[-1].message}" if tally else ""
        super().__init__(supervisor, offender, f"too many restarts, gave up on {offender}{last}")
        self.offender = offender
        self.tally = tally


class ChildStartFailed(EscalationError):
    """A child was not ready at the first start of its supervisor, or on a manual start."""

    def __init__(self, supervisor: str, child: ChildId, reason: str) -> None:
        super().__init__(supervisor, child, f"{child} failed to start: {reason}")
        self.reason = reason


class FatalChildError(EscalationError):
    """A child said that restarting it can't help."""

    def __init__(self, supervisor: str, child: ChildId, failure: Failure) -> None:
        super().__init__(supervisor, child, f"{child} must not be restarted: {failure}")
        self.failure = failure


class ZombieBlocksRestart(EscalationError):
    """An exclusive child did not die when cancelled, so its successor can't start (D13)."""

    def __init__(self, supervisor: str, child: ChildId) -> None:
        super().__init__(supervisor, child, f"{child} would not die and holds what it needs")


class RequestRefused(SupervisionError):
    """A management call was not carried out; nothing has changed."""

    problem = "refused"

    def __init__(self, supervisor: str, child: ChildId) -> None:
        super().__init__(f"{supervisor}: {child} {self.problem}")
        self.supervisor = supervisor
        self.child = child


class ChildNotFound(RequestRefused):
    """The supervisor has no child of that id."""

    problem = "is not a child"


class ChildRunning(RequestRefused):
    """The child runs; terminate it first."""

    problem = "is running"


class ChildRestarting(RequestRefused):
    """The child is on its way up or down; terminate it to end that."""

    problem = "is being restarted or stopped"


class ChildAlreadyPresent(RequestRefused):
    """A child of that id is known but does not run; restart it or delete it."""

    problem = "is already known"


class ChildIsZombie(RequestRefused):
    """The last incarnation was abandoned and still runs; only the end of it helps."""

    problem = "is a zombie"


class NotPausable(RequestRefused):
    """The child is a supervisor; pause the workers below it."""

    problem = "is a supervisor and can't be paused: pause its children"


class SupervisorIsStopping(RequestRefused):
    """The supervisor is going down and takes no more requests."""

    problem = "can't be managed: the supervisor is stopping"


class StartInterrupted(RequestRefused):
    """The start asked for was cut short: by a terminate, a group restart, or the stop."""

    problem = "was stopped before it was ready"


REFUSALS: dict[str, type[RequestRefused]] = {
    "not_found": ChildNotFound,
    "running": ChildRunning,
    "restarting": ChildRestarting,
    "present": ChildAlreadyPresent,
    "zombie": ChildIsZombie,
    "no_worker": NotPausable,
    "stopping": SupervisorIsStopping,
    "interrupted": StartInterrupted,
}
"""The error for each value of the core's `Refusal`."""


class SupervisorNotRunning(SupervisionError):
    """The call needs a running supervisor; start it first."""


class SupervisorAlreadyRunning(SupervisionError):
    """One `Supervisor` object runs once at a time; it was put into two places or run twice."""


class LoopMonitorInUse(SupervisionError):
    """One `LoopMonitor` object watches one tree at a time; it was given to two that run."""


class WouldDeadlock(SupervisionError):
    """A child asked to wait for its own end; use `request_stop`, which does not wait."""


class AlreadyReady(SupervisionError):
    """A child called `ready()` twice."""


class DoNotRestart(Exception):
    """Raise it from a child when restarting can't help; the supervisor escalates at once."""


class IgnoreStart(Exception):
    """Raise it before `ready()` when there is nothing to do; the child stays down, no error."""


class MailboxError(SupervisionError):
    """A message, or the answer to one, did not get through; *mailbox* names where."""

    def __init__(self, mailbox: str, problem: str) -> None:
        super().__init__(f"mailbox {mailbox}: {problem}")
        self.mailbox = mailbox


class MailboxFull(MailboxError):
    """There is no room and the sender would not wait; the message was not accepted."""

    def __init__(self, mailbox: str, capacity: int) -> None:
        super().__init__(mailbox, f"full with {capacity} messages")
        self.capacity = capacity


class MailboxClosed(MailboxError):
    """The mailbox was closed by its owner, and takes and gives no more messages."""

    def __init__(self, mailbox: str) -> None:
        super().__init__(mailbox, "closed")


class AskTimedOut(MailboxError):
    """There was no answer within the time that the asker gave; one may still be worked on."""

    def __init__(self, mailbox: str, within: Seconds) -> None:
        super().__init__(mailbox, f"no answer within {within:g} s")
        self.within = within


class NoAnswerReason(StrEnum):
    """Why an answer will never come."""

    DROPPED = "dropped"
    """The overflow policy of the mailbox dropped the question."""
    RECEIVER_ENDED = "receiver_ended"
    """The incarnation that had taken the question ended, or was abandoned."""


class NoAnswer(MailboxError):
    """An answer will never come; *reason* tells why. Asking again is safe if answering is."""

    def __init__(self, mailbox: str, reason: NoAnswerReason) -> None:
        super().__init__(mailbox, f"no answer will come: {reason.value.replace('_', ' ')}")
        self.reason = reason


class AlreadyAnswered(SupervisionError):
    """A receiver answered one question twice."""
