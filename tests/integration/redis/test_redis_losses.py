"""A server that forgets: flushed, restarted, changed by hand; and one that keeps what it took."""

from functools import partial

import pytest
import structlog
import trio

from hsid.queues.protocol import LeaseLostError, QueueUnavailableError
from tests.integration.redis.rig import (
    PATIENCE,
    entries,
    open_queue,
    put,
    ready_in,
    until,
    working,
)

STREAM = "test:detection_queue"


class Ledger:
    """What there is to do; puts all of it again when it hears that a queue was lost."""

    def __init__(self, *names):
        self.names = names
        self.is_asked = trio.Event()
        self.count = 0

    def note_loss(self):
        self.count += 1
        self.is_asked.set()

    async def put_again(self, queue):
        with trio.fail_after(PATIENCE):
            await self.is_asked.wait()
        await put(queue, *self.names)


def flush(server):
    server.command("FLUSHALL")


def restart_empty(server):
    server.restart()


def delete_stream(server):
    server.command("DEL", STREAM)


def destroy_group(server):
    server.command("XGROUP", "DESTROY", STREAM, "hsid")


LOSSES = [flush, restart_empty, delete_stream, destroy_group]


@pytest.mark.parametrize("lose", LOSSES)
async def test_a_lost_queue_is_made_anew_and_told(server, lose):
    """The next call goes well, and whoever has the ledger hears of it once."""
    ledger = Ledger("a", "b")
    with open_queue(server.url, on_lost=ledger.note_loss) as queue:
        await put(queue, *ledger.names)
        lose(server)
        with structlog.testing.capture_logs() as logs:
            await until_answered(queue.stats)

        await ledger.put_again(queue)
        assert ledger.count == 1
        assert [log["event"] for log in logs] == ["queue_lost"]
        assert await ready_in(queue) == ["a", "b"]


async def until_answered(call):
    """Call until it goes well: on a connection that ended with the server the first one fails."""
    with trio.fail_after(PATIENCE):
        while True:
            try:
                return await call()
            except QueueUnavailableError:
                await trio.sleep(0.05)


@pytest.mark.parametrize("lose", LOSSES)
async def test_a_waiting_consumer_survives_the_loss_and_gets_what_is_put_again(server, lose):
    """No actor is restarted; the reconciler's put reaches the consumer that was waiting."""
    ledger = Ledger("again")
    with open_queue(server.url, on_lost=ledger.note_loss) as queue, trio.fail_after(PATIENCE):
        async with working(queue) as work:
            await put(queue, "before")
            await until(lambda: work.has_done("before"))
            lose(server)
            await ledger.put_again(queue)
            await until(lambda: work.has_done("again"))

            assert ledger.count == 1


@pytest.mark.parametrize("lose", [flush, restart_empty])
async def test_a_lease_from_before_the_loss_settles_nothing(server, lose):
    """Its token is unknown now: the result is discarded, the entry comes again to a new handler."""
    with open_queue(server.url) as queue:
        await put(queue, "a")
        leases = await queue.lease(1, duration=60)
        lose(server)

        with pytest.raises(LeaseLostError):
            await until_answered(lambda: queue.ack(leases))
        await put(queue, "a")
        assert await ready_in(queue) == ["a"]


async def abandon(queue, trim):
    """The lease runs out."""
    await queue.lease(2, duration=0.05)
    trim()
    await trio.sleep(0.1)


async def die(queue, trim):
    """The process that has the lease ends, and the next one of its name begins."""
    await queue.lease(2, duration=600)
    trim()
    assert await queue.reclaim() in {0, 2}  # version 6.2 does not know yet that they are gone


async def give_back(queue, trim):
    leases = await queue.lease(2, duration=600)
    trim()
    await queue.release(leases)


async def give_back_before(queue, trim):
    await queue.release(await queue.lease(2, duration=600))
    trim()


async def postpone(queue, trim):
    for lease in await queue.lease(2, duration=600):
        await queue.retry(lease, delay=0.05, error="boom")
    trim()
    await trio.sleep(0.1)


@pytest.mark.parametrize("end", [abandon, die, give_back, give_back_before, postpone])
async def test_entries_that_others_trimmed_away_are_told_as_lost(server, end):
    """Whatever was about to happen to them: they leave no trace, and can be put again."""
    ledger = Ledger("a", "b")
    with open_queue(server.url, on_lost=ledger.note_loss) as queue:
        await put(queue, *ledger.names)
        await end(queue, partial(server.command, "XTRIM", STREAM, "MAXLEN", 0))
        with structlog.testing.capture_logs() as logs:
            assert not await queue.lease(2, duration=60)

        assert [(log["event"], log["count"]) for log in logs] == [("entries_vanished", 2)]
        assert (await queue.stats()).depth == server.command("HLEN", f"{STREAM}:ids") == 0
        assert server.command("XPENDING", STREAM, "hsid")["pending"] == 0
        await ledger.put_again(queue)
        assert await ready_in(queue) == ["a", "b"]


async def test_a_forgotten_script_is_sent_again(server):
    """SCRIPT FLUSH, as a restart does it too, is not noticed by anybody."""
    with open_queue(server.url) as queue:
        await put(queue, "a")
        server.command("SCRIPT", "FLUSH")

        await put(queue, "b")
        assert await ready_in(queue) == ["a", "b"]


async def kill_in_mid_work(server, queue):
    """Kill the server while much is put and taken; return what was awaited, and what was taken."""
    awaited, attempted, acknowledged = [], [], []
    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(produce, queue, number, awaited)
        nursery.start_soon(consume, queue, attempted, acknowledged)
        await until(lambda: len(awaited) > 400 and len(acknowledged) > 100)
        server.kill()
    server.start()
    return set(awaited), set(attempted), set(acknowledged)


async def test_a_killed_server_that_syncs_always_keeps_what_was_awaited(server):
    """What a put returned for is there after `kill -9`, what was acknowledged stays gone."""
    server.restart(appendonly="yes", appendfsync="always")
    with open_queue(server.url) as queue, trio.fail_after(PATIENCE):
        awaited, attempted, acknowledged = await kill_in_mid_work(server, queue)
        await until_answered(queue.reclaim)
        there = await all_of(queue)

    assert len(there) == len(set(there))
    assert awaited - attempted <= set(there)
    assert not acknowledged & set(there)


async def test_what_a_killed_server_did_not_sync_comes_back_out_of_the_ledger(server):
    """While its disk is slow, `everysec` answers before it writes; so its restart is told."""
    server.restart(appendonly="yes", appendfsync="everysec")
    losses = []
    with (
        open_queue(server.url, on_lost=lambda: losses.append(1)) as queue,
        trio.fail_after(PATIENCE),
    ):
        awaited, attempted, _ = await kill_in_mid_work(server, queue)
        await until_answered(queue.reclaim)
        assert losses == [1]
        await put(queue, *(awaited - attempted))
        there = await all_of(queue)

    assert len(there) == len(set(there))
    assert awaited - attempted <= set(there)


async def produce(queue, number, awaited):
    """Put one entry after the other until the server is gone; note what was awaited."""
    for count in range(10_000):
        name = f"{number}/{count}"
        try:
            await put(queue, name)
        except QueueUnavailableError:
            return
        awaited.append(name)


async def consume(queue, attempted, acknowledged):
    """Acknowledge what there is; of the last attempt nobody knows whether it had its effect."""
    while True:
        try:
            leases = await queue.lease(10, duration=600)
            names = [lease.entry.id for lease in leases]
            attempted.extend(names)
            await queue.ack(leases)
        except QueueUnavailableError:
            return
        acknowledged.extend(names)


async def all_of(queue):
    return [entry.id for entry in await queue.peek(100_000)]


async def test_nothing_is_delivered_late_by_a_server_that_was_restarted(server):
    """Leases outlive the restart: nobody else gets the entry, and its holder settles it."""
    server.restart(appendonly="yes")
    with open_queue(server.url) as queue:
        await queue.put(entries("a", "b"))
        (lease,) = await queue.lease(1, duration=600)
        server.restart()
        await until_answered(queue.stats)

        assert await ready_in(queue) == ["b"]
        await queue.ack([lease])
        assert (await queue.stats()).depth == 1
