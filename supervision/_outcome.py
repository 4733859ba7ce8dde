"""How an incarnation ended, as data.

The runner says what it saw (an `Ending`), the core knows whether it had asked for it, and
`classify` turns both into one `Outcome` of a closed union. Nothing here holds an exception: an
error becomes a `Failure` of plain text at once, so neither state nor events keep a traceback and
its locals alive.
"""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeAlias, assert_never

Seconds: TypeAlias = float
ChildId: TypeAlias = str

MAX_TRACEBACK_CHARS = 8_000  # the innermost frames are at the end: the start is what gets cut
MAX_MESSAGE_CHARS = 500


class StopCause(StrEnum):
    """Why a supervisor stopped a child."""

    SHUTDOWN = "shutdown"
    SIBLING = "sibling"
    TERMINATED = "terminated"
    STALLED = "stalled"
    START_TIMED_OUT = "start_timed_out"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in words: the class's name, the message, and the trimmed traceback."""

    kind: str
    message: str
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Describe *error*; a group of one is described as its only member.

        Never raises, whatever the error's own `__str__` does.
        """
        shown = error
        while isinstance(shown, BaseExceptionGroup) and len(shown.exceptions) == 1:
            shown = shown.exceptions[0]
        return cls(type(shown).__name__, _message(shown), _traceback(error))

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE_CHARS]
    except Exception as broken:  # noqa: BLE001 - the child's own __str__, it may raise anything
        return f"<no message: its __str__ raised {type(broken).__name__}>"


def _traceback(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(error))
    except Exception as broken:  # noqa: BLE001 - a group nested too deep ends in RecursionError
        return f"<no traceback: formatting it raised {type(broken).__name__}>"
    return text[-MAX_TRACEBACK_CHARS:]


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the single exceptions in *error*, however deep its groups are nested."""
    open_groups = [error]
    while open_groups:
        each = open_groups.pop()
        if isinstance(each, BaseExceptionGroup):
            open_groups.extend(each.exceptions)
        else:
            yield each


@dataclass(frozen=True, slots=True)
class Returned:
    """The child's function came back."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The child's function raised; *is_fatal* if a restart can't help."""

    failure: Failure
    is_fatal: bool = False


@dataclass(frozen=True, slots=True)
class Declined:
    """The child raised `IgnoreStart`: it has nothing to do here."""

    reason: str


Ending: TypeAlias = Returned | Raised | Declined


@dataclass(frozen=True, slots=True)
class Completed:
    """It returned by itself after it had been ready."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """It ended because its supervisor asked; *error* is what its clean-up raised, if anything."""

    cause: StopCause
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class Crashed:
    """It raised after it had been ready."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class StartFailed:
    """It raised or returned before it was ready."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class StartTimedOut:
    """It was not ready within its start timeout."""

    after: Seconds


@dataclass(frozen=True, slots=True)
class Stalled:
    """It was ready but did not beat for longer than its heartbeat timeout."""

    silent_for: Seconds


@dataclass(frozen=True, slots=True)
class Ignored:
    """It declined to start; that is not an error."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fatal:
    """It raised `DoNotRestart` or an error its spec calls fatal."""

    failure: Failure


Outcome: TypeAlias = (
    Completed | Stopped | Crashed | StartFailed | StartTimedOut | Stalled | Ignored | Fatal
)

_NEVER_READY = Failure("StartFailed", "returned before it was ready")


@dataclass(frozen=True, slots=True)
class Death:
    """One line of a child's tally: which incarnation ended when, after how long, and of what."""

    incarnation: int
    at: Seconds
    ran_for: Seconds
    cause: str
    message: str


def classify(ending: Ending, *, was_ready: bool) -> Outcome:
    """Say how an incarnation ended that nobody had asked to stop."""
    match ending:
        case Raised(failure, is_fatal=True):
            return Fatal(failure)
        case Raised(failure):
            return Crashed(failure) if was_ready else StartFailed(failure)
        case Declined(reason):
            return Crashed(Failure("IgnoreStart", reason)) if was_ready else Ignored(reason)
        case Returned():
            return Completed() if was_ready else StartFailed(_NEVER_READY)
        case _:
            assert_never(ending)


def is_normal(outcome: Outcome) -> bool:
    """Tell whether a transient child stays down after *outcome*."""
    return isinstance(outcome, Completed | Stopped | Ignored)


def failure_of(outcome: Outcome) -> Failure | None:
    """Return the error behind *outcome*, if there is one."""
    match outcome:
        case Crashed(failure) | StartFailed(failure) | Fatal(failure):
            return failure
        case Stopped(error=error):
            return error
        case Completed() | StartTimedOut() | Stalled() | Ignored():
            return None
        case _:
            assert_never(outcome)


def describe(outcome: Outcome) -> str:
    """Say in a few words what happened, for tallies, logs and status."""
    match outcome:
        case StartTimedOut(after):
            return f"not ready after {after:g} s"
        case Stalled(silent_for):
            return f"no heartbeat for {silent_for:g} s"
        case Ignored(reason):
            return reason
        case Stopped(cause, None):
            return cause.value
        case _:
            return str(failure_of(outcome) or "")
