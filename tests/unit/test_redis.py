"""The client's calls by name, each against a real server."""

from contextlib import aclosing, asynccontextmanager
from functools import partial

import pytest
import trio

import hsid.redis
from benchmarks._redis_server import redis_server
from hsid.config import get_settings
from hsid.queues.protocol import Priority
from hsid.queues.redis.errors import RedisUnreachableError
from hsid.redis import (
    PublishedMessage,
    QueueAddResult,
    QueueOverflowPolicy,
    QueueRules,
    RedisClient,
    RedisNotConfiguredError,
    close_redis,
    get_redis,
    get_redis_optional,
    init_redis,
)
from tests.unit.config.isolation import house

__all__ = ["house"]

QUEUE = "detection_queue"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
async def client(server):
    server.command("FLUSHALL")
    client = RedisClient(server.url)
    await client.connect()
    yield client
    await client.disconnect()


async def add(client, *names, **options):
    return [await client.add_to_queue_safe(QUEUE, {"n": name}, **options) for name in names]


async def peek(client, *places):
    return "".join(item["n"] for item in await client.peek_queue(QUEUE, *places))


async def test_what_was_added_is_taken_once_in_order(client):
    """First in, first out; nested data comes back as it was."""
    data = {"path": "Garten \N{SNOWMAN}", "boxes": [[1, 2.5], None], "ok": True}
    await client.add_to_queue_safe(QUEUE, data)
    await add(client, "b")

    taken = [await client.get_from_queue(QUEUE) for _ in range(2)]

    assert taken == [data, {"n": "b"}]
    assert await client.get_queue_length(QUEUE) == 0


async def test_urgent_work_is_taken_first(client):
    """Priority decides before age."""
    await add(client, "a")
    await add(client, "b", priority=Priority.FAST)

    assert await client.get_from_queue(QUEUE) == {"n": "b"}


async def test_the_same_id_is_queued_once(client):
    """Adding is idempotent for whoever names what he adds."""
    results = await add(client, "a", "a", id_="upload:1")

    assert results == [QueueAddResult.SUCCESS] * 2
    assert await client.get_queue_length(QUEUE) == 1


async def test_taking_from_an_empty_queue_ends_with_its_timeout(client):
    """None says that nothing came."""
    with trio.fail_after(10):
        assert await client.get_from_queue(QUEUE, timeout=0.05) is None


async def test_taking_waits_for_what_is_added_later(client):
    """Without a timeout it waits as long as it takes."""
    taken = []

    async def take():
        taken.append(await client.get_from_queue(QUEUE))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            await trio.sleep(0.1)
            await add(client, "late")

    assert taken == [{"n": "late"}]


async def test_a_cancelled_taker_takes_nothing_with_it(client):
    """What comes after the end of the wait is the next one's."""
    with trio.move_on_after(0.1):
        await client.get_from_queue(QUEUE)
    await add(client, "a")

    with trio.fail_after(10):
        assert await client.get_from_queue(QUEUE, timeout=5) == {"n": "a"}


async def test_a_full_queue_answers_by_its_policy(client):
    """Rejected, moved to the dead letters, or dropped: the result says which."""
    reject, dlq, drop = (
        QueueOverflowPolicy.REJECT,
        QueueOverflowPolicy.DLQ,
        QueueOverflowPolicy.DROP_OLDEST,
    )
    await add(client, "a", max_size=1)

    results = [
        *await add(client, "b", max_size=1, overflow_policy=reject),
        *await add(client, "c", max_size=1, overflow_policy=dlq),
        *await add(client, "d", max_size=1, overflow_policy=drop),
    ]

    success, rejected = QueueAddResult.SUCCESS, QueueAddResult.REJECTED
    assert results == [rejected, QueueAddResult.SENT_TO_DLQ, success]
    assert await peek(client) == "d"


@pytest.mark.parametrize("name", [None, "attic"])
async def test_what_made_room_lies_under_the_name_that_was_asked_for(client, server, name):
    """`dlq:overflow:` and the queue's name, unless another one is given."""
    await add(client, "a", "b", max_size=1, overflow_policy=QueueOverflowPolicy.DLQ, dlq_name=name)

    assert server.command("XLEN", f"hsid:{name or 'dlq:overflow:detection_queue'}") == 1


async def test_the_clients_rules_hold_where_a_call_says_nothing(server, client):
    """As the settings `queue_max_size` and `queue_overflow_policy` say."""
    strict = RedisClient(server.url, rules=QueueRules(max_size=1))

    results = await add(strict, "a", "b")

    assert results == [QueueAddResult.SUCCESS, QueueAddResult.REJECTED]
    await strict.disconnect()


async def test_pressure_says_how_full_a_queue_is(client):
    """At the threshold of 0.8 it is a warning, at the top it is full."""
    await add(client, *"abcd")

    at_threshold = await client.get_queue_pressure(QUEUE, max_size=5)
    full = await client.get_queue_pressure(QUEUE, max_size=4)
    easy = await client.get_queue_pressure(QUEUE)

    assert (at_threshold.fill_ratio, at_threshold.is_at_pressure_threshold) == (0.8, True)
    assert (at_threshold.is_full, full.is_full) == (False, True)
    assert (easy.current_length, easy.max_size, easy.is_at_pressure_threshold) == (4, 10_000, False)


async def test_peeking_takes_nothing_and_counts_places_as_lists_do(client):
    """Both ends belong to it, negative ones count from the end, `max_items` bounds it."""
    await add(client, *"abcde")

    assert await peek(client) == "abcde"
    assert await peek(client, 1, 2) == "bc"
    assert await peek(client, -2, -1) == "de"
    assert await peek(client, 0, -1, 3) == "abc"
    assert await peek(client, 3, 1) == await peek(client, 9) == ""
    assert await client.get_queue_length(QUEUE) == 5


async def test_clearing_deletes_what_waits(client):
    """The count says how much that was."""
    await add(client, *"abc")

    assert await client.clear_queue(QUEUE) == 3
    assert await client.get_queue_length(QUEUE) == 0


async def test_what_is_published_is_heard_by_all_who_listen(server, client):
    """From the moment on in which `subscribe` returns; the count says how many hear it."""
    other = RedisClient(server.url)
    for each in (client, other):
        await each.subscribe("security_events")

    count = await client.publish("security_events", {"type": "event", "data": {"id": 1}})

    heard = PublishedMessage("security_events", {"type": "event", "data": {"id": 1}})
    assert count == 2
    assert [await hear(client), await hear(other)] == [heard, heard]
    await other.disconnect()


async def hear(client):
    with trio.fail_after(10):
        async with aclosing(client.listen()) as messages:
            async for message in messages:
                return message
    return None


async def test_text_that_is_no_json_is_heard_as_it_is(server, client):
    """Other programs may publish on the channel."""
    await client.subscribe("news")
    server.command("PUBLISH", "news", "{not json")

    assert await hear(client) == PublishedMessage("news", "{not json")


async def test_after_unsubscribing_a_channel_is_not_heard(client):
    """The others are; without any channel there is nothing to listen to."""
    subscription = await client.subscribe("a", "b")
    await client.unsubscribe("a")
    counts = [await client.publish(channel, 1) for channel in "ab"]
    heard = await hear(client)
    await client.unsubscribe()

    assert (counts, heard) == ([0, 1], PublishedMessage("b", 1))
    assert [message async for message in client.listen(subscription)] == []


async def test_a_listener_that_was_cancelled_may_listen_again(client):
    """The subscription is made anew with the connection."""
    await client.subscribe("news")
    with trio.move_on_after(0.1):
        await hear(client)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(publish_until_heard, client, "news", nursery.cancel_scope))
        message = await hear(client)
        nursery.cancel_scope.cancel()

    assert message == PublishedMessage("news", "again")


async def publish_until_heard(client, channel, _scope):
    while True:
        await client.publish(channel, "again")
        await trio.sleep(0.02)


@pytest.mark.parametrize("value", [0, "text", None, [1, {"a": False}], "\N{SNOWMAN}"])
async def test_a_stored_value_is_read_as_it_was(client, value):
    """Anything that JSON can hold."""
    await client.set("key", value)

    assert await client.get("key") == value


async def test_a_value_of_others_is_read_as_text(server, client):
    """What is no JSON is no error."""
    server.command("SET", "hsid:cache:key", "{plain")

    assert await client.get("key") == "{plain"


async def test_a_value_expires_when_told_to(server, client):
    """Without `expire` it stays."""
    await client.set("kept", 1)
    await client.set("short", 1, expire=0.02)
    await trio.sleep(0.1)

    assert (await client.get("kept"), await client.get("short")) == (1, None)
    assert await client.exists("kept", "short", "never") == 1


async def test_deleting_tells_how_many_were_there(client):
    """No key is no work, and nothing of a queue can be deleted by its name."""
    await client.set("a", 1)
    await add(client, "job")

    assert await client.delete("a", "b", QUEUE) == 1
    assert await client.delete() == await client.exists() == 0
    assert await client.get_queue_length(QUEUE) == 1


async def test_health_tells_connection_and_version(client, server):
    """What the server calls itself."""
    health = await client.health_check()

    version = server.admin().info()["redis_version"]
    assert health == {"connected": True, "version": version, "error": None}


async def test_health_tells_what_is_wrong_and_does_not_raise(tmp_path):
    """Nobody there is a state, with the words of the error."""
    health = await RedisClient(f"unix://{tmp_path}/none.sock").health_check()

    assert (health["connected"], health["version"]) == (False, None)
    assert "no connection to Redis" in health["error"]


async def test_connecting_gives_up_after_three_attempts_with_growing_pauses(
    tmp_path, autojump_clock
):
    """1 s and 2 s, less up to a fifth of jitter."""
    with pytest.raises(RedisUnreachableError):
        await RedisClient(f"unix://{tmp_path}/none.sock").connect()

    assert 2.4 <= trio.current_time() <= 3


async def test_two_houses_share_a_server_by_their_prefixes(server, client):
    """Queues and values of one are none of the other's."""
    neighbour = RedisClient(server.url, prefix="neighbour:")
    await add(client, "a")
    await client.set("key", 1)

    assert await neighbour.get_queue_length(QUEUE) == 0
    assert await neighbour.get("key") is None
    await neighbour.disconnect()


@pytest.fixture
async def configured(house, server, monkeypatch):
    monkeypatch.setenv("REDIS_URL", server.url)
    get_settings.cache_clear()
    yield
    await close_redis()
    get_settings.cache_clear()


@asynccontextmanager
async def depending_on(dependency):
    """Use a dependency as FastAPI does."""
    async with aclosing(dependency()) as values:
        yield await anext(values)


async def test_the_process_shares_one_client(configured):
    """What `init_redis` connected is what requests get, until it is closed."""
    client = await init_redis()
    async with depending_on(get_redis) as mine, depending_on(get_redis_optional) as optional:
        assert mine is optional is client
    await close_redis()

    async with depending_on(get_redis) as fresh:
        assert fresh is not client


async def test_without_a_server_the_optional_client_is_none(configured, monkeypatch, tmp_path):
    """A page that can do without Redis does."""
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/none.sock")
    get_settings.cache_clear()

    async with depending_on(get_redis_optional) as client:
        assert client is None


async def test_without_a_url_there_is_no_client(configured, monkeypatch):
    """Asking for one is a clear error, unless it is optional."""
    monkeypatch.delenv("REDIS_URL")
    get_settings.cache_clear()

    async with depending_on(get_redis_optional) as client:
        assert client is None
    with pytest.raises(RedisNotConfiguredError, match="set redis_url"):
        await init_redis()


async def test_the_settings_make_the_client(configured):
    """Prefix and rules of the queues come from the configuration."""
    client = await init_redis()

    assert hsid.redis.QueueRules.of(get_settings()) == QueueRules(
        10_000, QueueOverflowPolicy.REJECT, 0.8
    )
    assert client.pool.address.masked == get_settings().redis_url
