"""The roles that a node can take: which parts of the pipeline it runs.

Of watchers, detectors and analyzers there may be any number, on any number of nodes, that share the
work. Of the others one at a time is enough: where several nodes share a database, one of them has
the role and the rest stand by. A second one is harmless, as all they do is guarded by the store.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """A part of the pipeline that a node may run or leave to others."""

    WATCHER = "watcher"
    """Takes in what the cameras upload to this node."""
    DETECTOR = "detector"
    BATCHER = "batcher"
    ANALYZER = "analyzer"
    RECONCILER = "reconciler"
    """Fills the queues from the ledger."""
    RETENTION = "retention"
    """Deletes what has been kept long enough."""


ALL_ROLES = tuple(Role)


class RoleState(StrEnum):
    """How a node stands to a role that one node at a time has."""

    HELD = "held"
    STANDING_BY = "standing_by"
    """Another node has it; this one takes it when that one is gone."""
    NOT_HELD = "not_held"
    """Nor is it asked for now: the database is away, or the role's actor is down or paused."""


@dataclass(frozen=True, slots=True)
class RoleStanding:
    """How this node stands to *role*, and since when."""

    role: Role
    state: RoleState
    since: datetime


class RoleBoard:
    """What is known of this node's roles; empty where no other node could have one."""

    def __init__(self) -> None:
        self._standings: dict[Role, RoleStanding] = {}

    def note(self, role: Role, state: RoleState, now: datetime) -> bool:
        """Note how the node stands to *role*; return whether that is news."""
        known = self._standings.get(role)
        if known is not None and known.state is state:
            return False
        self._standings[role] = RoleStanding(role, state, now)
        return True

    @property
    def standings(self) -> tuple[RoleStanding, ...]:
        """How the node stands to each role, in the order of the roles."""
        return tuple(self._standings[role] for role in Role if role in self._standings)
