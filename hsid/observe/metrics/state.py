"""What a page of metrics tells of the daemon's state: one frozen record.

What could not be had is missing, and never 0. Filling it in is the sampler's work
(`hsid.sampling`), turning it into metrics that of `hsid.observe.metrics.families`.
"""

from dataclasses import dataclass
from datetime import datetime

from hsid.model import Accounting, Seconds
from hsid.observe.health import Health
from supervision import ChildSnapshot, LoopStatistics


@dataclass(frozen=True, slots=True)
class QueueState:
    """A durable queue at one moment. *delayed* entries wait for the time of their retry."""

    name: str
    ready: int
    leased: int
    delayed: int
    dead: int
    capacity: int
    oldest_age: Seconds | None

    @property
    def depth(self) -> int:
        """Return the number of entries that are not settled."""
        return self.ready + self.leased + self.delayed


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """What became of a queue's entries on this node: each outcome with its count so far."""

    queue: str
    outcomes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What the ledger says: of the whole house, and the same on every node."""

    accounting: Accounting
    refusals: tuple[tuple[str, int], ...]
    """Reasons, and how many uploads were refused for each."""
    last_uploads: tuple[tuple[str, datetime], ...]
    """Ids of cameras, and when each last sent something."""
    database_bytes: int


@dataclass(frozen=True, slots=True)
class DiskState:
    """The file system at a *place* that hsid uses, in bytes."""

    place: str
    size: int
    free: int


@dataclass(frozen=True, slots=True)
class GpuState:
    """A graphics card. What it can't report, or a lost one, is None."""

    id: str
    name: str
    is_up: bool
    utilization_ratio: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_celsius: float | None = None
    power_watts: float | None = None


@dataclass(frozen=True, slots=True)
class StoreState:
    """What the database's writer has done since the start, and what waits for it."""

    commits: int
    failed_commits: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class LogState:
    """The log's way into the database: what waits, and what was dropped since the start."""

    waiting: int
    dropped: int


@dataclass(frozen=True, slots=True)
class HouseState:
    """All of it, at one moment."""

    tree: ChildSnapshot
    health: Health
    loop: LoopStatistics
    store: StoreState
    log: LogState
    consumers: tuple[ConsumerState, ...] = ()
    dependencies: tuple[tuple[str, bool], ...] = ()
    """What the house leans on, and whether it answers."""
    queues: tuple[QueueState, ...] = ()
    """Those that could be reached."""
    ledger: LedgerState | None = None
    """None while the database can't be read."""
    disks: tuple[DiskState, ...] = ()
    gpus: tuple[GpuState, ...] = ()
