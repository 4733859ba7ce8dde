"""Batching by example: who belongs together, when a batch closes, and when to look again."""

from hsid.batching import (
    BatchPlan,
    CameraState,
    ChangeBatch,
    CloseBatch,
    ClosedSpan,
    DeleteBatch,
    OpenBatch,
    ReopenBatch,
    decide,
)
from tests.unit.batching.world import NOON, POLICY, TINY, World, at, seen


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


def test_a_clock_set_back_is_noticed_although_something_was_stored_since() -> None:
    """What was stored last is of the new time; that the old batch is of another is seen as well."""
    world = World(seen(1, 3600))
    world.step(at(3600))
    world.loose.append(seen(2, 0))
    world.last_stored_at = at(0)
    world.step(at(1))

    assert sorted(world.are_open()) == [False, True]


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
