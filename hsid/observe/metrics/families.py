"""The metrics that are read from the daemon's state when somebody asks: one table. Pure.

A metric without a row is left off the page: what could not be had is not 0.
"""

import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from prometheus_client import Metric

from hsid import __version__
from hsid.model import UploadState
from hsid.observe.health import HealthState
from hsid.observe.metrics.instruments import cameras
from hsid.observe.metrics.state import GpuState, HouseState
from supervision import ChildSnapshot

ACTOR_STATES = (
    *("stopped", "waiting", "starting", "ready", "stopping"),
    *("backoff", "parked", "zombie", "done"),
)
"""The phases of a child of a supervisor; an actor is in exactly one."""


class Kind(StrEnum):
    """The type of a metric, as Prometheus calls it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"


_SUFFIX = {Kind.GAUGE: "", Kind.COUNTER: "_total", Kind.INFO: "_info"}

Rows: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
"""Values of the labels in order, and the number."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric; *rows* reads it from a state."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    rows: Callable[[HouseState], Rows]

    def collect(self, state: HouseState) -> Metric:
        """Return the metric as it stands in *state*."""
        metric = Metric(self.name.removesuffix(_SUFFIX[self.kind]), self.help, self.kind)
        for values, number in self.rows(state):
            metric.add_sample(self.name, dict(zip(self.labels, values, strict=True)), number)
        return metric


def collect(state: HouseState) -> Iterator[Metric]:
    """Yield every metric that *state* has something to say on."""
    metrics = (family.collect(state) for family in FAMILIES)
    return (metric for metric in metrics if metric.samples)


def _build(_: HouseState) -> Rows:
    yield (__version__, platform.python_version()), 1


def _actors(state: HouseState) -> Iterator[tuple[str, ChildSnapshot]]:
    """Yield each node below the root with its path from there."""
    root = state.tree
    for node in root.walk():
        if node is not root:
            yield node.path.removeprefix(f"{root.path}/"), node


def _actor_states(state: HouseState) -> Rows:
    for path, node in _actors(state):
        for each in ACTOR_STATES:
            yield (path, each), node.state == each


def _queue_entries(state: HouseState) -> Rows:
    for queue in state.queues:
        yield (queue.name, "ready"), queue.ready
        yield (queue.name, "leased"), queue.leased
        yield (queue.name, "delayed"), queue.delayed


def _oldest(state: HouseState) -> Rows:
    for queue in state.queues:
        yield (queue.name,), queue.oldest_age or 0.0


def _consumed(state: HouseState) -> Rows:
    for consumer in state.consumers:
        for outcome, count in consumer.outcomes:
            yield (consumer.queue, outcome), count


def _arrived(state: HouseState) -> Rows:
    if state.ledger is not None:
        yield (), state.ledger.accounting.arrived


def _pending(state: HouseState) -> Rows:
    if state.ledger is not None:
        yield (), state.ledger.accounting.pending


def _ends(state: HouseState) -> Rows:
    if state.ledger is None:
        return
    for end in UploadState:
        if end.is_end and end is not UploadState.REFUSED:
            yield (end, ""), getattr(state.ledger.accounting, end)
    for reason, count in state.ledger.refusals:
        yield (UploadState.REFUSED, reason), count


def _last_uploads(state: HouseState) -> Rows:
    latest: dict[str, float] = {}  # several cameras may share one label
    for camera_id, moment in state.ledger.last_uploads if state.ledger else ():
        label = cameras.of(camera_id)
        latest[label] = max(latest.get(label, 0.0), moment.timestamp())
    return (((label,), moment) for label, moment in latest.items())


def _database_size(state: HouseState) -> Rows:
    if state.ledger is not None:
        yield (), state.ledger.database_bytes


def _of_gpus(read: Callable[[GpuState], float | None]) -> Callable[[HouseState], Rows]:
    """Return what reads one figure of each card that has it."""

    def rows(state: HouseState) -> Rows:
        for gpu in state.gpus:
            number = read(gpu)
            if number is not None:
                yield (gpu.id,), number

    return rows


_G, _C = Kind.GAUGE, Kind.COUNTER

FAMILIES = (
    Family("hsi_build_info", Kind.INFO, "What runs.", ("version", "python"), _build),
    Family(
        "hsi_healthy",
        _G,
        "1 if all of the work is done, 0 if hsictl status names a trouble.",
        (),
        lambda s: [((), s.health.state is HealthState.OK)],
    ),
    Family(
        "hsi_dependency_up",
        _G,
        "1 if what the daemon leans on answers, else 0.",
        ("dependency",),
        lambda s: (((name,), is_up) for name, is_up in s.dependencies),
    ),
    Family(
        "hsi_actor_state",
        _G,
        "1 for the state that an actor or supervisor is in, 0 for all others.",
        ("actor", "state"),
        _actor_states,
    ),
    Family(
        "hsi_actor_restarts_total",
        _C,
        "Restarts of an actor since its supervisor began.",
        ("actor",),
        lambda s: (((path,), node.restarts) for path, node in _actors(s)),
    ),
    Family(
        "hsi_event_loop_lag_seconds",
        _G,
        "Time of one pass over all tasks: of the last thousand, 99 % were shorter.",
        (),
        lambda s: [((), s.loop.lag_p99)],
    ),
    Family(
        "hsi_event_loop_lag_max_seconds",
        _G,
        "The longest of these passes since the start.",
        (),
        lambda s: [((), s.loop.lag_max)],
    ),
    Family(
        "hsi_event_loop_stalls_total",
        _C,
        "Times that one task held up all others for a second or more.",
        (),
        lambda s: [((), s.loop.stalls)],
    ),
    Family(
        "hsi_queue_depth",
        _G,
        "Entries of a durable queue that are not done.",
        ("queue",),
        lambda s: (((queue.name,), queue.depth) for queue in s.queues),
    ),
    Family(
        "hsi_queue_entries",
        _G,
        "The same by what they wait for: a handler (ready), its end (leased), a retry (delayed).",
        ("queue", "state"),
        _queue_entries,
    ),
    Family(
        "hsi_queue_capacity",
        _G,
        "Entries that a queue holds at most.",
        ("queue",),
        lambda s: (((queue.name,), queue.capacity) for queue in s.queues),
    ),
    Family(
        "hsi_queue_oldest_age_seconds",
        _G,
        "Age of the oldest entry that is not done; 0 for an empty queue.",
        ("queue",),
        _oldest,
    ),
    Family(
        "hsi_dead_letters",
        _G,
        "Entries that were given up and wait for a person.",
        ("queue",),
        lambda s: (((queue.name,), queue.dead) for queue in s.queues),
    ),
    Family(
        "hsi_queue_handled_total",
        _C,
        "What became of entries on this node: committed, discarded (done by somebody else), failed"
        " (and tried again), given_up, lost (taken over by another node), rejected_puts.",
        ("queue", "outcome"),
        _consumed,
    ),
    Family(
        "hsi_uploads_arrived_total",
        _C,
        "Uploads in the ledger since it began, on all nodes together.",
        (),
        _arrived,
    ),
    Family(
        "hsi_uploads_ended_total",
        _C,
        "Where they ended, on all nodes together; reason is that of a refusal.",
        ("end", "reason"),
        _ends,
    ),
    Family("hsi_uploads_pending", _G, "Uploads that have no end yet.", (), _pending),
    Family(
        "hsi_camera_last_upload_timestamp_seconds",
        _G,
        "When a camera last sent something.",
        ("camera",),
        _last_uploads,
    ),
    Family(
        "hsi_database_size_bytes", _G, "Room that the database takes in use.", (), _database_size
    ),
    Family(
        "hsi_store_commits_total",
        _C,
        "Transactions of this node that the database has taken.",
        (),
        lambda s: [((), s.store.commits)],
    ),
    Family(
        "hsi_store_failed_commits_total",
        _C,
        "Transactions of this node that failed as a whole.",
        (),
        lambda s: [((), s.store.failed_commits)],
    ),
    Family(
        "hsi_store_requests_in_flight",
        _G,
        "Requests that wait for their commit or are in it.",
        (),
        lambda s: [((), s.store.in_flight)],
    ),
    Family(
        "hsi_log_lines_waiting",
        _G,
        "Lines of the log on their way into the database.",
        (),
        lambda s: [((), s.log.waiting)],
    ),
    Family(
        "hsi_log_lines_dropped_total",
        _C,
        "Lines that the database did not get, as there were too many or it was away for too long.",
        (),
        lambda s: [((), s.log.dropped)],
    ),
    Family(
        "hsi_disk_size_bytes",
        _G,
        "Size of the file system at a place: data or cameras.",
        ("place",),
        lambda s: (((disk.place,), disk.size) for disk in s.disks),
    ),
    Family(
        "hsi_disk_free_bytes",
        _G,
        "What of it hsid may still fill.",
        ("place",),
        lambda s: (((disk.place,), disk.free) for disk in s.disks),
    ),
    Family(
        "hsi_gpu_info",
        Kind.INFO,
        "The graphics cards by their id.",
        ("gpu", "name"),
        lambda s: (((gpu.id, gpu.name), 1) for gpu in s.gpus),
    ),
    Family(
        "hsi_gpu_up",
        _G,
        "1 if a card can be read, 0 if it is lost.",
        ("gpu",),
        _of_gpus(lambda gpu: gpu.is_up),
    ),
    Family(
        "hsi_gpu_utilization_ratio",
        _G,
        "Share of the time in which something ran on a card.",
        ("gpu",),
        _of_gpus(lambda gpu: gpu.utilization_ratio),
    ),
    Family(
        "hsi_gpu_memory_used_bytes",
        _G,
        "Memory of a card that is taken.",
        ("gpu",),
        _of_gpus(lambda gpu: gpu.memory_used_bytes),
    ),
    Family(
        "hsi_gpu_memory_total_bytes",
        _G,
        "Memory that a card has.",
        ("gpu",),
        _of_gpus(lambda gpu: gpu.memory_total_bytes),
    ),
    Family(
        "hsi_gpu_temperature_celsius",
        _G,
        "Temperature of a card.",
        ("gpu",),
        _of_gpus(lambda gpu: gpu.temperature_celsius),
    ),
    Family(
        "hsi_gpu_power_watts",
        _G,
        "Power that a card draws.",
        ("gpu",),
        _of_gpus(lambda gpu: gpu.power_watts),
    ),
)
