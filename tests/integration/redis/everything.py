"""All that hsid asks of a Redis server, once: for servers that allow or know little."""

from functools import partial

import trio

from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.queues.completion import Ack, Completion, Put
from hsid.queues.protocol import Entry, Priority, QueueOverflowPolicy
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.completer import RedisCompleter
from hsid.queues.redis.queue import RedisQueue
from hsid.redis import RedisClient
from tests.integration.redis.rig import PATIENCE, entries, put


async def do_everything(url):
    """Use every operation of the queues and of the client, with the default prefix."""
    client = RedisClient(RedisAddress(url))
    with trio.fail_after(PATIENCE):
        await client.connect()
        build = partial(RedisQueue, client.pool, consumer="node", prefix="hsid:")
        await use_queue(build(DETECTION_QUEUE), build(ANALYSIS_QUEUE))
        await overflow(build(DETECTION_QUEUE, capacity=1, overflow=QueueOverflowPolicy.DLQ))
        await use_client(client)
        await client.pool.run(lambda redis: redis.ping())  # as a connection that was long idle is
        assert (await client.health_check())["connected"]
        await client.disconnect()


async def use_queue(queue, next_queue):
    await queue.reclaim()
    await queue.put([Entry("a", {}), Entry("b", {}, Priority.FAST), *entries("c", "d", "e", "f")])
    taken = await queue.lease(5, duration=60)
    a, b, c, d, e = sorted(taken, key=lambda lease: lease.entry.id)
    await queue.extend([a], duration=90)
    completion = Completion(puts=(Put(ANALYSIS_QUEUE, Entry("x", {})),), acks=(Ack(a),))
    await RedisCompleter(None, [queue, next_queue]).complete([completion])
    await queue.release([b])
    await queue.retry(c, delay=0.01, error="boom")
    await queue.dead_letter(await queue.begin(d), error="boom")
    await queue.retry(e, delay=600, error="boom")
    await trio.sleep(0.05)
    assert [entry.id for entry in await queue.peek()] == ["b", "c", "f"]
    assert [letter.entry.id for letter in await queue.dead_letters()] == ["d"]
    assert len((await queue.requeue(reason="boom")).results) == 1
    await queue.lease(1, duration=0.01)
    await trio.sleep(0.05)
    await queue.reclaim()
    assert (await queue.stats()).depth == 5
    assert await queue.clear() == 5
    await wait_and_leave(queue)


async def wait_and_leave(queue):
    """Wait for an entry, and be cancelled: the server is told to end the wait."""
    with trio.move_on_after(0.1):
        await queue.lease(1, duration=60, max_wait=60)
    await queue.reclaim()


async def overflow(queue):
    await put(queue, "old")
    await put(queue, "new")
    assert (await queue.stats()).dead == 1
    await queue.requeue(["old"])
    await queue.discard(["old"])
    await queue.clear()


async def use_client(client):
    await client.subscribe("security_events")
    await client.publish("security_events", {"type": "event"})
    async for message in client.listen():
        assert message.data == {"type": "event"}
        await client.unsubscribe()
    await client.set("key", [1], expire=60)
    assert await client.get("key") == [1]
    assert await client.exists("key") == await client.delete("key") == 1
    await client.add_to_queue_safe(DETECTION_QUEUE, {"n": 1})
    assert len(await client.peek_queue(DETECTION_QUEUE)) == 1
    assert await client.get_queue_length(DETECTION_QUEUE) == 1
    assert await client.get_from_queue(DETECTION_QUEUE, timeout=5) == {"n": 1}
    await client.get_queue_pressure(DETECTION_QUEUE)
    await client.clear_queue(DETECTION_QUEUE)
