"""What goes into a step and what comes out: closed unions of plain records."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from supervision._events import Event
from supervision._outcome import ChildId, Ending, Seconds, StopCause
from supervision._spec import ChildSpec

Ticket: TypeAlias = int


@dataclass(frozen=True, slots=True)
class Begin:
    """Start all children."""


@dataclass(frozen=True, slots=True)
class Readied:
    """The incarnation said that it works."""

    child: ChildId
    incarnation: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The incarnation is over."""

    child: ChildId
    incarnation: int
    ending: Ending


@dataclass(frozen=True, slots=True)
class Beaten:
    """The incarnation's last sign of life was at *at*."""

    child: ChildId
    incarnation: int
    at: Seconds


@dataclass(frozen=True, slots=True)
class Tick:
    """Deadlines have come: those of the children *due*, or the turn of a waiting group."""

    due: tuple[ChildId, ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop all children and leave; an urgent one skips drain and grace."""

    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Stop *child* and leave it down; without a ticket nobody waits."""

    ticket: Ticket | None
    child: ChildId


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Start *child*, which is down."""

    ticket: Ticket
    child: ChildId


@dataclass(frozen=True, slots=True)
class StartChild:
    """Add a child and start it."""

    ticket: Ticket
    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Forget *child*, which is down."""

    ticket: Ticket
    child: ChildId


@dataclass(frozen=True, slots=True)
class PauseChild:
    """Have *child* take no new work, or take it again; later incarnations keep to it."""

    ticket: Ticket
    child: ChildId
    is_paused: bool


@dataclass(frozen=True, slots=True)
class ResetChild:
    """Forget how *child* has failed."""

    ticket: Ticket
    child: ChildId


Request: TypeAlias = (
    TerminateChild | RestartChild | StartChild | DeleteChild | PauseChild | ResetChild
)
Input: TypeAlias = Begin | Readied | Ended | Beaten | Tick | Stop | Request


class Refusal(StrEnum):
    """Why a request was not carried out."""

    NOT_FOUND = "not_found"
    RUNNING = "running"
    RESTARTING = "restarting"
    PRESENT = "present"
    ZOMBIE = "zombie"
    NO_WORKER = "no_worker"
    STOPPING = "stopping"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Done:
    """The request was carried out."""


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The child was started but did not become ready."""

    reason: str


Answer: TypeAlias = Done | NotStarted | Refusal


@dataclass(frozen=True, slots=True)
class Start:
    """Run a new incarnation."""

    child: ChildId
    incarnation: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Set the incarnation's `stopping`."""

    child: ChildId
    incarnation: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel the incarnation's scope."""

    child: ChildId
    incarnation: int
    cause: StopCause


@dataclass(frozen=True, slots=True)
class Abandon:
    """Fence the incarnation; it is not waited for any more."""

    child: ChildId
    incarnation: int


@dataclass(frozen=True, slots=True)
class SetPaused:
    """Tell the incarnation whether to take new work."""

    child: ChildId
    incarnation: int
    is_paused: bool


@dataclass(frozen=True, slots=True)
class Arm:
    """Send a `Tick` with *child* at *at*, unless another `Arm` of it comes before."""

    child: ChildId
    at: Seconds


@dataclass(frozen=True, slots=True)
class Emit:
    """Give the event to the sink."""

    event: Event


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a request."""

    ticket: Ticket
    answer: Answer


@dataclass(frozen=True, slots=True)
class AnnounceReady:
    """The first start is complete."""


@dataclass(frozen=True, slots=True)
class HardExit:
    """End the process: nothing in it can be trusted to end by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Exit:
    """All children are down or abandoned; the supervisor's task may leave."""


Action: TypeAlias = (
    Start
    | Ask
    | Cancel
    | Abandon
    | SetPaused
    | Arm
    | Emit
    | Reply
    | AnnounceReady
    | HardExit
    | Exit
)
