"""Batching: who belongs together, when a batch closes, and when to look again."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hsid.batching import (
    BatchPlan,
    BatchPolicy,
    CameraState,
    ChangeBatch,
    CloseBatch,
    ClosedSpan,
    DeleteBatch,
    OpenBatch,
    ReopenBatch,
    Sighting,
    StartBatch,
    decide,
)

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
POLICY = BatchPolicy()
TINY = BatchPolicy(max_detections=5)
TICK = timedelta(microseconds=1)
slow = settings(deadline=None, max_examples=200)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seen(upload_id: int, seconds: float, detections: int = 1) -> Sighting:
    return Sighting(upload_id, at(seconds), detections)


@dataclass
class Record:
    """A batch as a store holds it."""

    revision: int = 0
    is_open: bool = True
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def span(self) -> tuple[datetime, datetime]:
        times = [sighting.captured_at for sighting in self.sightings]
        return min(times), max(times)


class World:
    """A store of one camera that carries plans out and refuses what a database would refuse."""

    def __init__(self, *loose: Sighting, policy: BatchPolicy = POLICY) -> None:
        self.policy = policy
        self.loose = list(loose)
        self.batches: dict[str, Record] = {}
        self.unfinished_oldest: datetime | None = None
        self.last_stored_at: datetime | None = None

    def state(self) -> CameraState:
        opened = tuple(
            OpenBatch(id_, record.revision, tuple(record.sightings))
            for id_, record in self.batches.items()
            if record.is_open
        )
        closed = tuple(
            ClosedSpan(
                id_, record.revision, *record.span, sum(s.detections for s in record.sightings)
            )
            for id_, record in self.batches.items()
            if not record.is_open
        )
        return CameraState(
            "porch", opened, tuple(self.loose), self.unfinished_oldest, closed, self.last_stored_at
        )

    def step(self, now: datetime) -> BatchPlan:
        plan = decide(self.state(), now, self.policy)
        for action in plan.actions:
            self._apply(action)
        self._check_spans(plan)
        return plan

    def _apply(self, action: object) -> None:
        match action:
            case StartBatch(batch_id, joined):
                assert batch_id not in self.batches
                self.batches[batch_id] = Record()
                self._move(joined, batch_id)
            case ReopenBatch(batch_id, joined):
                assert not self.batches[batch_id].is_open
                self.batches[batch_id].is_open = True
                self._move(joined, batch_id)
            case ChangeBatch(batch_id, joined):
                self._move(joined, batch_id)
            case DeleteBatch(batch_id):
                record = self.batches.pop(batch_id)
                assert (record.revision, record.sightings) == (0, [])
            case CloseBatch(batch_id, revision):
                record = self.batches[batch_id]
                assert (record.is_open, record.revision + 1) == (True, revision)
                record.is_open, record.revision = False, revision

    def _move(self, uploads: tuple[int, ...], batch_id: str) -> None:
        """Move sightings, out of never-closed batches or loose ones only."""
        target = self.batches[batch_id]
        sources = [self.loose, *(r.sightings for r in self.batches.values() if r.revision == 0)]
        for upload in uploads:
            (source, sighting) = next(
                (source, s) for source in sources for s in source if s.upload_id == upload
            )
            source.remove(sighting)
            target.sightings.append(sighting)

    def _check_spans(self, plan: BatchPlan) -> None:
        for action in plan.actions:
            if isinstance(action, StartBatch | ReopenBatch | ChangeBatch):
                span = (action.started_at, action.ended_at)
                assert self.batches[action.batch_id].span == span

    def partition(self) -> set[frozenset[int]]:
        return {frozenset(s.upload_id for s in r.sightings) for r in self.batches.values()}

    def are_open(self) -> list[bool]:
        return [record.is_open for record in self.batches.values()]


def sessions(sightings: list[Sighting], policy: BatchPolicy) -> set[frozenset[int]]:
    """Deal out what is known in full, the plain way."""
    groups: list[list[Sighting]] = []
    for sighting in sorted(sightings, key=lambda s: (s.captured_at, s.upload_id)):
        for group in groups:
            is_near = (
                sighting.captured_at - group[0].captured_at <= policy.window
                and sighting.captured_at - group[-1].captured_at <= policy.idle
            )
            count = sum(s.detections for s in group)
            if is_near and count + sighting.detections <= policy.max_detections:
                group.append(sighting)
                break
        else:
            groups.append([sighting])
    return {frozenset(s.upload_id for s in group) for group in groups}


@st.composite
def sighting_lists(draw: st.DrawFn) -> list[Sighting]:
    """Draw sightings in order of arrival; their captures are in any other."""
    rows = draw(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 4)), max_size=14))
    return [seen(number, captured, count) for number, (captured, count) in enumerate(rows)]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, datetime]:
    """Draw a camera with some history and the time of its last plan."""
    world, now = World(policy=TINY), 0
    for sighting in draw(sighting_lists()):
        now += draw(st.integers(0, 60))
        world.loose.append(sighting)
        world.unfinished_oldest = draw(st.none() | st.integers(-50, 350).map(at))
        world.last_stored_at = draw(st.none() | st.integers(-50, 2000).map(at))
        world.step(at(now))
    return world, at(now)


def test_a_batch_reaches_no_further_than_the_window_and_the_idle_time() -> None:
    """The borders belong to the batch: 30 s after the last, 90 s after the first."""
    world = World(*(seen(n, s) for n, s in enumerate([0, 30, 60, 90, 91, 122])))
    world.step(at(1000))
    assert world.partition() == {frozenset({0, 1, 2, 3}), frozenset({4}), frozenset({5})}


def test_a_batch_closes_at_its_deadline_and_not_before() -> None:
    """With nothing unfinished the watermark is the present."""
    world = World(seen(1, 0), seen(2, 20))
    assert world.step(at(21)).wake_at == at(50)
    assert world.step(at(49.999)).actions == ()
    (batch_id,) = world.batches
    assert world.step(at(50)).actions == (CloseBatch(batch_id, 1),)


def test_an_upload_still_being_worked_on_keeps_its_batch_open() -> None:
    """An upload captured at the deadline itself would still join."""
    world = World(seen(1, 0))
    world.unfinished_oldest = at(30)
    assert world.step(at(31)).wake_at == at(150)
    world.unfinished_oldest = at(30.001)
    world.step(at(32))
    assert world.are_open() == [False]


def test_unfinished_uploads_hold_a_batch_back_no_longer_than_the_late_limit() -> None:
    """The limit runs from the deadline, or from the last sign of progress if that is later."""
    world = World(seen(1, 0))
    world.unfinished_oldest, world.last_stored_at = at(10), at(500)
    assert world.step(at(500)).wake_at == at(620)
    world.step(at(620))
    assert world.are_open() == [False]


def test_a_stuck_upload_does_not_hold_back_a_busy_camera() -> None:
    """Uploads captured long after the deadline are done: the unfinished one was overtaken."""
    world = World(*(seen(n, 20 * n) for n in range(9)))
    world.unfinished_oldest, world.last_stored_at = at(5), at(161)
    world.loose.append(seen(10, 209))
    world.step(at(211))
    assert world.are_open() == [True, True, True]
    world.loose.append(seen(11, 210))
    world.step(at(211))
    assert world.are_open() == [False, True, True]


def test_a_backlog_is_batched_as_if_it_had_come_live() -> None:
    """Pictures of an hour ago stay together however slowly they are worked off."""
    world = World()
    for number in range(5):
        now = at(3600 + 60 * number)
        world.loose.append(seen(number, 20 * number))
        world.unfinished_oldest, world.last_stored_at = at(20 * number + 20), now
        world.step(now)
    assert world.partition() == {frozenset({0, 1, 2, 3, 4})}


def test_a_late_sighting_reopens_its_batch_as_a_new_revision() -> None:
    """It closes again at once when its deadline has passed."""
    world = World(seen(1, 0), seen(2, 20))
    world.step(at(100))
    (batch_id,) = world.batches
    world.loose.append(seen(3, 10))
    assert world.step(at(200)).actions == (
        ReopenBatch(batch_id, (3,), at(0), at(20)),
        CloseBatch(batch_id, 2),
    )


def test_a_sighting_outside_every_closed_batch_starts_its_own() -> None:
    """Before the start and after the deadline are both outside."""
    world = World(seen(1, 100))
    world.step(at(200))
    world.loose += [seen(2, 99), seen(3, 130.001)]
    world.step(at(300))
    assert world.partition() == {frozenset({1}), frozenset({2}), frozenset({3})}


def test_a_sighting_that_bridges_two_batches_joins_them() -> None:
    """The earlier one stays, the later one is deleted."""
    world = World(seen(1, 0), seen(2, 50))
    world.unfinished_oldest = at(0)
    world.step(at(60))
    first, second = world.batches
    world.loose.append(seen(3, 25))
    assert world.step(at(61)).actions == (
        ChangeBatch(first, (3, 2), at(0), at(50)),
        DeleteBatch(second),
    )


def test_a_batch_keeps_its_id_when_an_earlier_sighting_turns_up() -> None:
    """Ids are stable: the event that people have already seen stays theirs."""
    world = World(seen(1, 20))
    world.step(at(21))
    before = list(world.batches)
    world.loose.append(seen(2, 10))
    world.step(at(22))
    assert (list(world.batches), world.partition()) == (before, {frozenset({1, 2})})


def test_a_batch_named_after_an_upload_that_left_it_does_not_lend_its_name() -> None:
    """Upload 2 named the batch that upload 1 keeps, and then begins another one."""
    world = World(seen(2, 80), seen(3, 60), seen(4, 40))
    world.step(at(81))
    assert len(world.batches) == 1
    world.loose += [seen(5, 20), seen(1, -12)]
    world.step(at(82))
    assert world.partition() == {frozenset({1}), frozenset({5, 4, 3, 2})}
    world.loose += [seen(6, 0)]
    world.step(at(83))
    assert world.partition() == {frozenset({1, 6, 5, 4, 3}), frozenset({2})}
    assert len(world.batches) == 2


def test_a_full_batch_closes_without_waiting_for_its_deadline() -> None:
    """The next sighting starts another batch."""
    world = World(seen(1, 0, 3), seen(2, 1, 2), seen(3, 2, 1), policy=TINY)
    world.step(at(3))
    assert world.partition() == {frozenset({1, 2}), frozenset({3})}
    assert world.are_open() == [False, True]


def test_an_upload_with_more_detections_than_a_batch_may_hold_is_a_batch() -> None:
    """One upload's detections stay together."""
    world = World(seen(1, 0, 9), seen(2, 1), policy=TINY)
    world.step(at(500))
    assert world.partition() == {frozenset({1}), frozenset({2})}


def test_batches_that_started_at_the_same_moment_close_in_turn() -> None:
    """The second has its deadline first, and would take what the first still holds."""
    world = World(seen(1, 0), seen(2, 0, 2), seen(3, 0, 3), seen(4, 10), policy=TINY)
    assert world.step(at(35)).wake_at == at(40)
    assert world.step(at(35)).actions == ()
    world.step(at(40))
    assert world.partition() == {frozenset({1, 2, 4}), frozenset({3})}


def test_a_sighting_that_two_batches_would_take_joins_the_one_that_started_first() -> None:
    """A closed batch has no precedence over a new one."""
    world = World(seen(1, 20))
    world.step(at(100))
    world.loose += [seen(2, 0), seen(3, 25)]
    world.step(at(101))
    assert world.partition() == {frozenset({1}), frozenset({2, 3})}


def test_closed_batches_of_one_start_are_told_apart_by_their_id() -> None:
    """In whatever order the database returns them, the same one is reopened."""
    spans = (ClosedSpan("a", 1, at(0), at(10), 5), ClosedSpan("b", 1, at(0), at(5), 1))
    for closed in (spans, spans[::-1]):
        plan = decide(CameraState("porch", (), (seen(1, 5),), None, closed), at(99), POLICY)
        assert plan.actions == (ReopenBatch("a", (1,), at(0), at(10)), CloseBatch("a", 2))


def test_a_clock_set_back_closes_what_was_open() -> None:
    """The batch does not wait until the clock has come round again."""
    world = World(seen(1, 0))
    world.last_stored_at = at(1)
    world.step(at(1))
    world.step(at(-86_400))
    assert world.are_open() == [False]


def test_a_clock_set_back_does_not_freeze_the_batches_that_follow() -> None:
    """Neither an upload nor a store time from the future holds a batch back."""
    world = World(seen(1, -86_400))
    world.unfinished_oldest, world.last_stored_at = at(-86_400), at(0)
    assert world.step(at(-86_399)).wake_at == at(-86_400 + 150)
    world.unfinished_oldest = at(0)
    assert world.step(at(-86_398)).wake_at == at(-86_400 + 30)


def test_a_store_time_that_the_clock_reaches_before_the_late_limit_counts() -> None:
    """Else wake_at would name a time at which there is nothing to do."""
    world = World(seen(1, 0))
    world.unfinished_oldest, world.last_stored_at = at(10), at(170)
    assert world.step(at(20)).wake_at == at(290)


def test_a_clock_set_back_closes_old_batches_although_newer_ones_are_open() -> None:
    """What is seen after the step does not hold up what was seen before it."""
    world = World(seen(1, 0), seen(2, -3600))
    world.last_stored_at = at(1)
    world.step(at(-3599))
    assert world.are_open() == [True, False]


def test_a_clock_set_forward_closes_and_loses_nothing() -> None:
    """A sighting of before the step still finds its batch."""
    world = World(seen(1, 0))
    world.step(at(86_400))
    world.loose.append(seen(2, 15))
    world.step(at(86_401))
    assert world.partition() == {frozenset({1, 2})}


def test_batches_whose_uploads_were_deleted_end() -> None:
    """Retention may have taken the uploads of a batch that was still open."""
    state = CameraState("porch", (OpenBatch("a", 0, ()), OpenBatch("b", 2, ())))
    plan = decide(state, NOON, POLICY)
    assert plan == BatchPlan((DeleteBatch("a"), CloseBatch("b", 3)), None)


@slow
@given(sighting_lists(), st.integers(0, 400))
def test_detectors_may_finish_in_any_order(sightings: list[Sighting], now: int) -> None:
    """While unfinished uploads hold the watermark back, only capture times count."""
    world = World(policy=BatchPolicy(max_detections=5, late=timedelta(days=1)))
    for number, sighting in enumerate(sightings):
        world.loose.append(sighting)
        rest = [later.captured_at for later in sightings[number + 1 :]]
        world.unfinished_oldest = min(rest, default=None)
        world.step(at(now))
    world.step(at(1000))
    assert world.partition() == sessions(sightings, world.policy)
    assert not any(world.are_open())


@slow
@given(worlds())
def test_every_sighting_is_in_exactly_one_batch(drawn: tuple[World, datetime]) -> None:
    """Whatever closes early and reopens, nothing is lost and nothing is counted twice."""
    world, _ = drawn
    members = [s.upload_id for record in world.batches.values() for s in record.sightings]
    assert world.loose == []
    assert sorted(members) == list(range(len(members)))


@slow
@given(worlds())
def test_no_batch_exceeds_the_window_or_the_maximum(drawn: tuple[World, datetime]) -> None:
    """A batch of a single upload may hold more detections: they stay together."""
    world, _ = drawn
    for record in world.batches.values():
        started_at, ended_at = record.span
        assert ended_at - started_at <= TINY.window
        count = sum(s.detections for s in record.sightings)
        assert count <= TINY.max_detections or len(record.sightings) == 1


@slow
@given(worlds())
def test_deciding_again_changes_nothing(drawn: tuple[World, datetime]) -> None:
    """A plan leaves nothing to do at the same time."""
    world, now = drawn
    assert world.step(now).actions == ()


@slow
@given(worlds())
def test_wake_at_is_exact(drawn: tuple[World, datetime]) -> None:
    """Deciding just before does nothing, deciding then does something."""
    world, now = drawn
    wake_at = decide(world.state(), now, TINY).wake_at
    if wake_at is None:
        assert not any(world.are_open())
    else:
        assert decide(world.state(), max(now, wake_at - TICK), TINY).actions == ()
        assert decide(world.state(), wake_at, TINY).actions != ()


@slow
@given(worlds(), sighting_lists(), st.randoms())
def test_the_order_of_the_rows_does_not_matter(drawn, more, random) -> None:
    """A database returns rows in any order; the plan is the same."""
    world, now = drawn
    world.loose = [Sighting(s.upload_id + 100, s.captured_at, s.detections) for s in more]
    plan = decide(world.state(), now, TINY)
    for rows in (world.loose, *(record.sightings for record in world.batches.values())):
        random.shuffle(rows)
    world.batches = dict(random.sample(list(world.batches.items()), len(world.batches)))
    assert decide(world.state(), now, TINY) == plan


@slow
@given(worlds())
def test_in_the_end_every_batch_closes(drawn: tuple[World, datetime]) -> None:
    """Following wake_at alone, with no message and an upload stuck for ever, all batches close."""
    world, now = drawn
    for _ in range(3 * len(world.batches) + 1):
        now = world.step(now).wake_at or now
    assert not any(world.are_open())
