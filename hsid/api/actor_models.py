"""The documents about the supervision tree, and about changes to it."""

from hsid.api.models import ActorReport, Document


class DeathReport(Document):
    """How an earlier incarnation of an actor ended."""

    incarnation: int
    cause: str
    message: str
    seconds_ago: float


class ActorDetail(ActorReport):
    """One node of the tree with its history."""

    deaths: tuple[DeathReport, ...] = ()
    """The latest first."""


class ActorList(Document):
    """Every node below the root, parents first, in the order in which they start."""

    actors: tuple[ActorReport, ...]


class ActorChange(Document):
    """What came of a change: *changed* is false if the actor was that way already."""

    actor: ActorReport
    changed: bool
