"""What holds for settling whatever happens to a file, in whatever order."""

import math

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hsid.intake.hints import Look, Stamp
from hsid.intake.settling import Settling, Verdict

SETTLE, ROOM = 2.0, 3
paths = st.sampled_from([b"%d.jpg" % number for number in range(5)])
stamps = st.none() | st.builds(Stamp, st.just(1), st.integers(0, 3), st.integers(0, 3))


class AnyOrder(RuleBasedStateMachine):
    """Hints, looks and time in any order, over more files than there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self.settling = Settling(SETTLE, max_pending=ROOM)
        self.now = 0.0
        self.told: dict[bytes, Stamp] = {}

    @rule(seconds=st.sampled_from([0.0, 0.5, SETTLE, 100.0]))
    def time_passes(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @rule(path=paths)
    def writer_closes(self, path: bytes) -> None:
        """Let a writer close a file."""
        self.settling.finished(path, self.now)

    @rule(path=paths, stamp=stamps)
    def scan_finds(self, path: bytes, stamp: Stamp | None) -> None:
        """Let a scan find a file."""
        self.settling.seen(path, stamp, self.now)

    @rule(path=paths)
    def inspection_finds_it_changed(self, path: bytes) -> None:
        """Let the version told last be taken back."""
        if path in self.told:
            self.settling.take_back(path, self.told.pop(path), self.now)

    @rule(stamp=stamps, is_whole=st.booleans(), limit=st.integers(1, 3))
    def actor_looks(self, stamp: Stamp | None, limit: int, *, is_whole: bool) -> None:
        """Let some of what is due be seen as the same."""
        for path in self.settling.due(self.now, limit):
            look = None if stamp is None else Look(stamp, is_whole)
            self.check(path, look, self.settling.observe(path, look, self.now))

    def check(self, path: bytes, look: Look | None, verdict: Verdict) -> None:
        """Check that a verdict fits what was seen and told before."""
        assert (verdict is Verdict.GONE) == (look is None)
        if look is None:
            self.told.pop(path, None)
        elif verdict is Verdict.COMPLETE:
            assert self.told.get(path) != look.stamp, "told twice in a row"
            self.told[path] = look.stamp

    @invariant()
    def memory_is_bounded(self) -> None:
        """There are never more files than there is room for."""
        assert len(self.settling.pending(self.now)) <= ROOM

    @invariant()
    def whatever_is_pending_will_be_looked_at(self) -> None:
        """Nothing is pending without a deadline."""
        pending = self.settling.pending(self.now)
        next_look = self.settling.next_look()
        assert next_look <= self.now + SETTLE if pending else next_look == math.inf


TestAnyOrder = AnyOrder.TestCase


@given(st.lists(st.sampled_from([0, 1]), max_size=40))
def test_a_quiet_whole_file_is_complete_in_the_end(growth: list[int]) -> None:
    """However it grew before, it is told within two settle times and a look after it stopped."""
    settling = Settling(SETTLE)
    settling.seen(b"a.jpg", Stamp(1, 0, 0), 0.0)
    size, now, verdicts = 0, 0.0, []
    for grown in [*growth, 1, 0, 0]:
        size, now = size + grown, now + SETTLE
        look = Look(Stamp(1, size, size), is_whole=size > sum(growth))
        verdicts += [settling.observe(path, look, now) for path in settling.due(now)]

    assert verdicts.count(Verdict.COMPLETE) == 1
    assert settling.pending(now) == []
