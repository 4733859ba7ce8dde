"""Batching by properties: what holds whatever arrives, in whatever order, on whatever clock."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hsid.batching import BatchPolicy, Sighting, decide
from tests.unit.batching.world import TINY, World, at, sighting_lists, worlds

TICK = timedelta(microseconds=1)
slow = settings(deadline=None, max_examples=100)


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
