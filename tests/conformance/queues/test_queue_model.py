"""Any sequence of operations leaves a queue as it leaves a few lines of plain Python."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
import trio
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import Ack, Bury, Entry, Priority, QueueOverflowPolicy, Release, Retry
from hsid.queues.sqlite_entries import SqliteEntries
from hsid.store.schema import metadata
from tests.conformance.queues.benches import HandClock

CAPACITY = 4
DURATION = 60


@dataclass
class Item:
    entry: Entry
    arrival: int
    state: str = "ready"
    until: float = 0
    holder: object = None
    begun: int = 0
    redelivered: bool = False

    @property
    def place(self):
        return (not self.redelivered, self.entry.priority is Priority.NORMAL, self.arrival)


@dataclass
class Model:
    """What a queue is, written for reading only."""

    clock: HandClock
    policy: QueueOverflowPolicy
    items: dict[str, Item] = field(default_factory=dict)
    dead: set = field(default_factory=set)
    arrivals: int = 0

    def settle_time(self):
        for item in self.items.values():
            if item.state != "ready" and item.until <= self.clock():
                item.redelivered |= item.state == "leased"
                item.state, item.holder = "ready", None

    def ready(self):
        self.settle_time()
        return sorted(
            (item for item in self.items.values() if item.state == "ready"),
            key=lambda item: item.place,
        )

    def put(self, entry):
        if entry.id in self.items:
            return "held"
        if len(self.items) >= CAPACITY:
            if self.policy is QueueOverflowPolicy.REJECT or not self.ready():
                return "rejected"
            self.evict()
        self.items[entry.id] = Item(entry, self.arrivals)
        self.arrivals += 1
        return "stored"

    def evict(self):
        victim = min(
            self.ready(),
            key=lambda item: (item.redelivered, item.entry.priority is Priority.FAST, item.arrival),
        )
        del self.items[victim.entry.id]
        if self.policy is QueueOverflowPolicy.DLQ:
            self.dead.add(("overflow", victim.entry.id))

    def lease(self, limit, holder):
        taken = self.ready()[:limit]
        for item in taken:
            item.state, item.until, item.holder = "leased", self.clock() + DURATION, holder
        return taken

    def reclaim(self):
        leased = [item for item in self.items.values() if item.state == "leased"]
        for item in leased:
            item.state, item.holder, item.redelivered = "ready", None, True
        return len(leased)

    def held(self, lease):
        item = self.items.get(lease.entry.id)
        return item if item and item.state == "leased" and item.holder == lease.token else None

    def end(self, item, begun, delay, *, redelivered):
        item.begun, item.redelivered, item.holder = begun, redelivered, None
        item.state = "delayed" if delay else "ready"
        item.until = self.clock() + delay


class QueueMachine(RuleBasedStateMachine):
    """Runs queue and model side by side."""

    leases = Bundle("leases")

    @rule(target=leases, limit=st.integers(1, 3))
    def lease(self, limit):
        leases = self.take(limit)
        token = leases[0].token if leases else None
        expected = self.model.lease(limit, token)
        assert [(each.entry, each.begun, each.is_redelivered) for each in leases] == [
            (item.entry, item.begun, item.redelivered) for item in expected
        ]
        return leases

    @rule(name=st.sampled_from("abcdef"), priority=st.sampled_from(Priority))
    def put(self, name, priority):
        entry = Entry(name, {"n": 1}, priority)
        before = set(self.model.items)
        expected = self.model.put(entry)
        report = self.put_entries([entry])
        assert report.results[0].is_stored == (expected != "rejected")
        assert {each.id for each in report.evicted} == before - set(self.model.items)

    @rule(leases=consumes(leases), how=st.sampled_from("abc"), delay=st.sampled_from([0, 10]))
    def settle(self, leases, how, delay):
        expected_lost = []
        settlements = [self.settlement(each, how, delay, expected_lost) for each in leases]
        lost = self.settle_all(settlements)
        assert [each.entry.id for each in lost] == expected_lost

    def settlement(self, lease, how, delay, expected_lost):
        item = self.model.held(lease)
        if item is None:
            expected_lost.append(lease.entry.id)
        if how == "a":
            if item:
                del self.model.items[lease.entry.id]
            return Ack(lease)
        if how == "b":
            if item:
                redelivered = item.redelivered
                self.model.end(item, lease.earlier_tries, delay, redelivered=redelivered)
            return Release(lease, delay)
        if item:
            self.model.end(item, lease.finished_tries, delay, redelivered=False)
        return Retry(lease, delay, "boom")

    @rule(leases=consumes(leases))
    def bury(self, leases):
        for lease in leases:
            if self.model.held(lease):
                del self.model.items[lease.entry.id]
                self.model.dead.add(("dead", lease.entry.id))
        self.settle_all([Bury(lease, "boom") for lease in leases])

    @rule(leases=leases, seconds=st.sampled_from([5, DURATION]))
    def extend(self, leases, seconds):
        self.extend_all(leases, seconds)
        for lease in leases:
            if item := self.model.held(lease):
                item.until = self.model.clock() + seconds

    @rule(seconds=st.sampled_from([1, 9, 10, 59, 61]))
    def time_passes(self, seconds):
        self.model.clock.advance(seconds)

    @rule()
    def reclaim(self):
        assert self.reclaim_all() == self.model.reclaim()

    @invariant()
    def counts_agree(self):
        stats, now = self.stats(), self.model.clock()
        waiting = [
            item for item in self.model.items.values() if item.state != "ready" and item.until > now
        ]
        leased = sum(item.state == "leased" for item in waiting)
        assert (stats.ready, stats.leased, stats.delayed, stats.dead) == (
            len(self.model.items) - len(waiting),
            leased,
            len(waiting) - leased,
            len(self.model.dead),
        )
        assert stats.depth <= CAPACITY


class MemoryMachine(QueueMachine):
    """The queue in memory; each call is a run of trio."""

    policy = QueueOverflowPolicy.REJECT

    def __init__(self):
        super().__init__()
        clock = HandClock()
        self.model = Model(clock, self.policy)
        self.queue = MemoryQueue("q", capacity=CAPACITY, overflow=self.policy, clock=clock)

    def take(self, limit):
        return trio.run(lambda: self.queue.lease(limit, duration=DURATION))

    def put_entries(self, entries):
        return trio.run(self.queue.put, entries)

    def settle_all(self, settlements):
        return trio.run(self.queue.settle, settlements)

    def extend_all(self, leases, seconds):
        trio.run(lambda: self.queue.extend(leases, duration=seconds))

    def reclaim_all(self):
        return trio.run(self.queue.reclaim)

    def stats(self):
        return trio.run(self.queue.stats)


class SqliteMachine(QueueMachine):
    """The rows of the embedded queue, on one connection to a database in memory."""

    policy = QueueOverflowPolicy.REJECT

    def __init__(self):
        super().__init__()
        clock = HandClock()
        self.model = Model(clock, self.policy)
        self.queue = SqliteEntries("q", capacity=CAPACITY, overflow=self.policy, clock=clock)
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(self.engine)
        self.connection = self.engine.connect()

    def teardown(self):
        self.connection.close()
        self.engine.dispose()

    def take(self, limit):
        return self.queue.lease_in(self.connection, limit, DURATION)

    def put_entries(self, entries):
        return self.queue.put_in(self.connection, entries)

    def settle_all(self, settlements):
        return self.queue.settle_in(self.connection, settlements)

    def extend_all(self, leases, seconds):
        self.queue.extend_in(self.connection, leases, seconds)

    def reclaim_all(self):
        return self.queue.reclaim_in(self.connection)

    def stats(self):
        return self.queue.stats_in(self.connection)


class LossyMemoryMachine(MemoryMachine):
    policy = QueueOverflowPolicy.DROP_OLDEST


class LossySqliteMachine(SqliteMachine):
    policy = QueueOverflowPolicy.DLQ


TestMemoryModel = MemoryMachine.TestCase
TestSqliteModel = SqliteMachine.TestCase
TestLossyMemoryModel = LossyMemoryMachine.TestCase
TestLossySqliteModel = LossySqliteMachine.TestCase
for case in (TestMemoryModel, TestSqliteModel, TestLossyMemoryModel, TestLossySqliteModel):
    case.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
