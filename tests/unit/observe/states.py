"""Builders of what a page is made of."""

from hsid.model import Accounting
from hsid.observe.health import Health, HealthState
from hsid.observe.metrics.state import HouseState, LedgerState, LogState, QueueState, StoreState
from supervision import ChildSnapshot, LoopStatistics


def build_node(path="root", state="running", **changes):
    fields = {"kind": "worker", "incarnation": 1, "restarts": 0, "since": 0.0, "at": 10.0}
    return ChildSnapshot(path.rpartition("/")[2], path, state=state, **(fields | changes))


def build_queue(name="detection_queue", **changes):
    counts = {"ready": 1, "leased": 2, "delayed": 3, "dead": 4, "capacity": 10, "oldest_age": 2.5}
    return QueueState(name, **(counts | changes))


def build_ledger(**changes):
    numbers = {"arrived": 9, "analysed": 3, "nothing_seen": 2, "refused": 2, "duplicate": 1}
    fields = {
        "accounting": Accounting(**numbers, dead=0, pending=1),
        "refusals": (("corrupt", 2),),
        "last_uploads": (),
        "database_bytes": 4096,
    }
    return LedgerState(**(fields | changes))


def build_state(**changes):
    fields = {
        "tree": build_node(),
        "health": Health(HealthState.OK),
        "loop": LoopStatistics(1, 2.0, "task", 0.1, 0.2, 0.3),
        "store": StoreState(commits=5, failed_commits=1, in_flight=2),
        "log": LogState(waiting=3, dropped=4),
    }
    return HouseState(**(fields | changes))
