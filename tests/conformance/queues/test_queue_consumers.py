"""Consumers under a real supervisor: what becomes of entries whose handlers fail or are ended."""

from contextlib import asynccontextmanager

import trio

from benchmarks._queue_own import supervised
from hsid.queues.completion import Ack, Bury, Completion
from hsid.queues.consumer import Consumer
from hsid.queues.retry import RetryPolicy
from tests.conformance.queues.benches import build_entries


class Handler:
    """Acknowledges what it gets; an entry called poison always fails."""

    def __init__(self):
        self.begun = []

    async def handle(self, lease):
        await trio.lowlevel.checkpoint()
        self.begun.append(lease.entry.id)
        if lease.entry.id == "poison":
            raise ValueError("poison")
        return Completion(acks=(Ack(lease),))

    def give_up(self, lease, error):
        return Completion(acks=(Bury(lease, error),))


@asynccontextmanager
async def running_consumer(bench, queue, handler, **options):
    """Run pump, committer and one handler under a supervisor that allows no restart at all."""
    consumer = Consumer(
        queue, bench.completer(), retry=RetryPolicy(first=1, longest=1, jitter=0), **options
    )
    root = supervised(consumer, handler)
    async with trio.open_nursery() as nursery:
        await nursery.start(root.run)
        nursery.start_soon(let_time_pass, bench.clock, queue)
        with trio.fail_after(30):
            yield root
        root.stop()
        nursery.cancel_scope.cancel()


async def let_time_pass(clock, queue):
    while True:
        clock.advance(0.1)
        queue.wake()
        await trio.sleep(0.01)


async def until_empty(queue):
    while (await queue.stats()).depth:
        await trio.sleep(0.01)


async def test_poison_message_uses_no_restart_budget(bench, queue):
    """Case 74: it is tried, tried again, given up; no actor is restarted, all others are done."""
    handler = Handler()
    await queue.put(build_entries("poison", "a", "b"))

    async with running_consumer(bench, queue, handler, max_deliveries=3) as root:
        await until_empty(queue)
        restarts = sum(node.restarts for node in root.tree().walk())
        states = {node.state for node in root.tree().walk()}

    (letter,) = await queue.dead_letters()
    assert sorted(handler.begun) == ["a", "b", *["poison"] * 3]
    assert (restarts, states) == (0, {"running", "ready"})
    assert (letter.entry.id, letter.begun, letter.error) == ("poison", 3, "ValueError: poison")


async def test_the_dead_letter_of_poison_tells_its_history(bench, queue):
    """First error, last error, and where in the program it came up."""
    await queue.put(build_entries("poison"))

    async with running_consumer(bench, queue, Handler(), max_deliveries=2):
        await until_empty(queue)

    (letter,) = await queue.dead_letters()
    assert letter.first_error == letter.error == "ValueError: poison"
    assert "in handle" in letter.traceback
    assert letter.enqueued_at < letter.died_at
