"""Dead letters, and looking at a queue."""

import pytest

from hsid.constants import (
    ANALYSIS_QUEUE,
    DETECTION_QUEUE,
    get_dlq_name,
    get_dlq_overflow_name,
)
from hsid.queues.protocol import (
    Bury,
    Origin,
    Priority,
    QueueAddResult,
    QueueOverflowPolicy,
    QueueStats,
)
from tests.conformance.queues.benches import build_entries, ids, take, take_one


async def bury(queue, name="a", error="boom"):
    await queue.put(build_entries(name))
    await queue.dead_letter(await take_one(queue), error=error)


async def test_a_dead_letter_keeps_its_history(queue):
    """First and last error, the tries, the payload and the priority are there to be read."""
    await queue.put(build_entries("a!"))
    await queue.retry(await take_one(queue), delay=0, error="first")
    await queue.retry(await take_one(queue), delay=0, error="second")
    await queue.dead_letter(await take_one(queue), error="third")

    (letter,) = await queue.dead_letters()

    assert (letter.first_error, letter.error, letter.begun) == ("first", "third", 3)
    assert letter.entry.priority is Priority.FAST
    assert letter.enqueued_at <= letter.died_at


async def test_poison_goes_to_dlq_once(bench, queue):
    """Case 67: the same id that dies again replaces its letter, and the queue holds it no more."""
    await bury(queue, error="then")
    bench.clock.advance(1)
    await bury(queue, error="now")

    letters = await queue.dead_letters()

    assert [letter.error for letter in letters] == ["now"]
    assert await take(queue) == []


async def test_an_error_may_hold_any_character(queue):
    """Text that came out of a broken file does not keep an entry from dying."""
    await bury(queue, error="bad \0 name \udcff")

    (letter,) = await queue.dead_letters()

    assert letter.error.startswith("bad ")


async def test_the_latest_dead_letters_come_first(bench, queue):
    """A limit leaves out the oldest."""
    for name in "abc":
        await bury(queue, name)
        bench.clock.advance(1)

    assert [letter.entry.id for letter in await queue.dead_letters(2)] == ["c", "b"]


async def test_a_requeued_letter_starts_anew(queue):
    """It is work again, with all its tries, and no dead letter any more."""
    await bury(queue)

    report = await queue.requeue(["a", "unknown"])

    assert report.results == (QueueAddResult.SUCCESS,)
    assert (await take_one(queue)).begun == 0
    assert await queue.dead_letters() == []


async def test_a_letter_that_finds_no_room_stays_a_letter(bench):
    """Requeueing into a full queue loses nothing."""
    queue = bench.build(capacity=1)
    await bury(queue)
    await queue.put(build_entries("b"))

    report = await queue.requeue(["a"])

    assert report.results == (QueueAddResult.REJECTED,)
    assert [letter.entry.id for letter in await queue.dead_letters()] == ["a"]


async def test_the_traceback_of_the_last_failure_is_kept(queue):
    """Who looks for the cause finds where in the program it came up."""
    await queue.put(build_entries("a"))
    await queue.settle([Bury(await take_one(queue), "boom", "File x, line 1\n  raise")])

    (letter,) = await queue.dead_letters()

    assert letter.traceback == "File x, line 1\n  raise"


@pytest.mark.parametrize(
    ("chosen", "requeued"),
    [
        ({}, ["a", "b", "c", "d"]),
        ({"ids": ["d", "unknown", "a"]}, ["d", "a"]),
        ({"reason": "full disk"}, ["b", "d"]),
        ({"ids": ["a", "b"], "reason": "full disk"}, ["b"]),
        ({"limit": 2}, ["a", "b"]),
        ({"reason": "full disk", "limit": 1}, ["b"]),
        ({"reason": "never seen"}, []),
    ],
)
async def test_dead_letters_are_requeued_by_choice(bench, queue, chosen, requeued):
    """All, by id, by what their error says, and no more than the limit, the oldest first."""
    for name, error in zip("abcd", ["timeout", "full disk"] * 2, strict=True):
        await bury(queue, name, error)
        bench.clock.advance(1)

    report = await queue.requeue(**chosen)

    assert ids(await take(queue)) == requeued
    assert len(report.results) == len(requeued)
    assert (await queue.stats()).dead == 4 - len(requeued)


@pytest.mark.parametrize(("limit", "count"), [(None, 3), (2, 2), (100, 3)])
async def test_one_call_puts_back_no_more_than_the_queue_allows(bench, limit, count):
    """Ten thousand letters must not come back at once because somebody typed `all`."""
    queue = bench.build(max_requeued=3)
    for name in "abcde":
        await bury(queue, name)

    report = await queue.requeue(limit=limit)

    assert len(report.results) == count
    assert (await queue.stats()).dead == 5 - count


async def test_a_requeued_letter_remembers_that_it_was_dead(bench, queue):
    """Link back: which list it was in and when it died, also in its next dead letter."""
    await bury(queue)
    (dead,) = await queue.dead_letters()
    await queue.requeue()
    lease = await take_one(queue)
    await queue.retry(lease, delay=0, error="again")
    await queue.dead_letter(await take_one(queue), error="at last")

    (again,) = await queue.dead_letters()

    assert lease.origin == again.origin == Origin(get_dlq_name(queue.name), dead.died_at)
    assert (again.first_error, again.error, again.begun) == ("again", "at last", 2)


async def test_an_overflown_entry_is_requeued_as_well(bench):
    """What had to make room is work again when there is room."""
    queue = bench.build(capacity=1, overflow=QueueOverflowPolicy.DLQ)
    await queue.put(build_entries("a"))
    await queue.put(build_entries("b"))
    await queue.ack(await take(queue))

    await queue.requeue(reason="overflow")
    lease = await take_one(queue)

    assert (lease.entry.id, lease.origin.queue) == ("a", get_dlq_overflow_name(queue.name))
    assert await queue.dead_letters() == []


async def test_requeueing_what_the_queue_holds_already_only_ends_the_letter(queue):
    """The same id is the same work: it is not done twice, and its tries are not forgotten."""
    await bury(queue)
    await queue.put(build_entries("a"))

    report = await queue.requeue()

    assert report.results == (QueueAddResult.SUCCESS,)
    assert (await queue.stats()).depth == 1
    assert (await take_one(queue)).origin is None
    assert await queue.dead_letters() == []


async def test_a_discarded_letter_is_gone_and_nothing_else_is(queue):
    """Letters go by their ids; unknown ones are passed over, and no work comes of it."""
    for name in "abc":
        await bury(queue, name)

    assert await queue.discard(["c", "unknown", "a"]) == 2
    assert [letter.entry.id for letter in await queue.dead_letters()] == ["b"]
    assert (await queue.stats()).depth == 0


async def test_discarding_no_letter_changes_nothing(queue):
    """An empty choice is not the choice of all."""
    await bury(queue)

    assert await queue.discard([]) == 0
    assert (await queue.stats()).dead == 1


async def test_stats_count_every_state(bench, queue):
    """Ready, leased, delayed and dead add up, and the age is that of the oldest alive."""
    await bury(queue, "dead")
    await queue.put(build_entries("leased", "delayed"))
    _, delayed = await take(queue)
    await queue.retry(delayed, delay=100, error="boom")
    bench.clock.advance(7)
    await queue.put(build_entries("ready"))

    stats = await queue.stats()

    assert stats == QueueStats(
        ready=1, leased=1, delayed=1, dead=1, capacity=10_000, oldest_age=7.0
    )
    assert stats.depth == 3


async def test_an_empty_queue_has_no_age(queue):
    """There is no oldest entry of none."""
    assert (await queue.stats()).oldest_age is None


async def test_what_has_come_due_counts_as_ready(bench, queue):
    """Stats say what a lease would get now, whether or not anybody has looked since."""
    await queue.put(build_entries("a"))
    await queue.retry(await take_one(queue), delay=10, error="boom")
    bench.clock.advance(10)

    assert (await queue.stats()).ready == 1
    assert ids(await queue.peek()) == ["a"]


async def test_clear_leaves_what_is_leased(queue):
    """An operator's clearing does not pull the work out of a handler's hands."""
    await queue.put(build_entries("leased", "delayed", "ready"))
    leased, delayed = await take(queue, 2)
    await queue.retry(delayed, delay=100, error="boom")

    assert await queue.clear() == 2
    await queue.ack([leased])


async def test_queues_do_not_see_each_other(bench):
    """The same id in two queues is two entries."""
    detection, analysis = bench.build(DETECTION_QUEUE), bench.build(ANALYSIS_QUEUE)
    await detection.put(build_entries("a"))
    await analysis.put(build_entries("a"))
    await detection.ack(await take(detection))

    assert await detection.reclaim() == 0
    assert ids(await take(analysis)) == ["a"]
