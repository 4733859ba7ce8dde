"""The way to the server: resets, dead links, switched addresses, and hosts that are no Redis."""

import pytest
import trio

from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.errors import (
    RedisConnectionLostError,
    RedisHandshakeError,
    RedisTimeoutError,
    RedisTlsError,
    RedisUnreachableError,
    RedisWrongReplyError,
)
from hsid.redis import RedisClient
from tests.integration.redis.link import open_link, serving
from tests.integration.redis.rig import (
    PATIENCE,
    error_of,
    open_pool,
    open_queue,
    put,
    ready_in,
    until,
    working,
)


@pytest.fixture
def link(server):
    with open_link(server.port) as link:
        yield link


async def test_a_connection_that_is_reset_during_a_call_is_lost(server, link):
    """Whether the call had its effect is unknown; the next one connects anew."""
    with open_pool(link.url) as pool, trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            error = await start_waiting(nursery, pool)
            await until(lambda: "blpop" in str(server.command("CLIENT", "LIST")))
            link.reset()

        assert type(error[0]) is RedisConnectionLostError
        assert "hsid connects anew by itself" in str(error[0])
        assert await pool.server_version()


async def start_waiting(nursery, pool):
    """Have a call wait for what never comes; return a list that gets its error."""
    errors = []

    async def call():
        errors.append(await error_of(pool.run, lambda client: client.blpop("never", 60)))

    nursery.start_soon(call)
    return errors


async def test_a_connection_that_is_reset_while_idle_is_replaced_unnoticed(link):
    """It is looked at before a command is sent on it, so that no call fails for it."""
    with open_queue(link.url) as queue:
        await put(queue, "a")
        link.reset()
        await put(queue, "b")

        assert await ready_in(queue) == ["a", "b"]


async def test_a_server_that_ends_our_connections_is_connected_to_again(server):
    """As an operator does it by CLIENT KILL, or `timeout` for idle ones."""
    with open_queue(server.url) as queue:
        async with working(queue) as work:
            await put(queue, "a")
            await until(lambda: work.has_done("a"))
            server.command("CLIENT", "KILL", "TYPE", "normal")
            await until(lambda: work.is_degraded or server.client_count("hsid"))
            assert (
                await error_of(put, queue, "b") is None or await error_of(put, queue, "b") is None
            )
            await until(lambda: work.has_done("b"))


async def test_a_dead_link_is_noticed_when_a_reply_is_overdue(link):
    """Nothing ever says that the other side is gone: the time-out of commands does."""
    with open_queue(link.url) as queue:
        await put(queue, "a")
        link.is_dead = True
        with trio.fail_after(PATIENCE):
            error = await error_of(put, queue, "b")

        assert type(error) is RedisTimeoutError
        assert "broken network" in str(error)


async def test_a_consumer_that_waits_on_a_dead_link_notices_it(link):
    """A blocking read has its end too; new connections are tried, and work goes on by itself."""
    with open_queue(link.url) as queue, trio.fail_after(PATIENCE):
        async with working(queue) as work:
            await put(queue, "a")
            await until(lambda: work.has_done("a"))
            link.is_dead = True
            await until(lambda: work.is_degraded)
            link.reset()
            link.is_dead = False
            await error_of(put, queue, "b")
            await put(queue, "b")
            await until(lambda: work.has_done("b"))


async def test_a_listener_on_a_dead_link_notices_it(link):
    """Silence is no proof of life: after a while the server is asked, and must answer."""
    client = RedisClient(RedisAddress(link.url, command_timeout=0.3))
    await client.subscribe("news")
    link.is_dead = True

    with trio.fail_after(PATIENCE):
        error = await error_of(note_what_is_heard, client, [])
    await client.disconnect()

    assert type(error) is RedisTimeoutError


async def note_what_is_heard(client, heard):
    async for message in client.listen():
        heard.append(message.data)


async def test_a_listener_in_a_quiet_house_goes_on_listening(server):
    """Where the server answers, silence is just that: what is published later is heard."""
    client = RedisClient(RedisAddress(server.url, command_timeout=0.3))
    await client.subscribe("news")
    heard = []

    async with trio.open_nursery() as nursery:
        nursery.start_soon(note_what_is_heard, client, heard)
        await trio.sleep(1.3)  # long enough to be asked
        await client.publish("news", "late")
        await until(lambda: heard == ["late"])
        assert server.client_count("hsid") == 2
        nursery.cancel_scope.cancel()
    await client.disconnect()


async def test_after_a_failover_the_new_master_is_found_and_nothing_is_lost(server, other_server):
    """The address now leads to the replica that took over; a lease from before is still held."""
    master, replica = server, other_server
    name = master.folder / "current.sock"
    name.symlink_to(master.socket_path)
    master.set_config(repl_diskless_sync_delay="0")
    replica.command("REPLICAOF", "127.0.0.1", master.port)
    losses = []
    with open_queue(f"unix://{name}", on_lost=lambda: losses.append(1)) as queue:
        await put(queue, "a", "b")
        (lease,) = await queue.lease(1, duration=60)
        await until(lambda: master.command("WAIT", 1, 1000) == 1)
        replica.become_master()
        name.unlink()
        name.symlink_to(replica.socket_path)
        master.command("REPLICAOF", "127.0.0.1", replica.port)

        assert "read-only replica" in str(await error_of(put, queue, "c"))
        await put(queue, "c")
        await queue.ack([lease])

        assert await ready_in(queue) == ["b", "c"]
        assert losses == [1]  # what had not been replicated in time is to be put again


async def test_a_name_that_is_unknown_is_an_outage_with_advice():
    """It may be the resolver that is away, so that is waited out too."""
    with open_pool("redis://no-such-host.invalid:6379/0") as pool:
        error = await error_of(pool.server_version)

    assert type(error) is RedisUnreachableError
    assert "correct redis_url" in str(error)


async def test_what_is_not_redis_is_refused():
    """Another service behind the port will not turn into Redis by waiting."""
    with (
        serving(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port,
        open_pool(f"redis://127.0.0.1:{port}/0") as pool,
    ):
        error = await error_of(pool.server_version)

    assert type(error) is RedisWrongReplyError
    assert "check host and port in redis_url" in str(error)


async def test_a_server_without_tls_does_not_answer_to_a_handshake(server):
    """It may be hanging as well, so that is waited out; the advice names the scheme."""
    with open_pool(server.url.replace("redis://", "rediss://")) as pool:
        error = await error_of(pool.server_version)

    assert isinstance(error, RedisHandshakeError | RedisTlsError)
    assert "rediss://" in error.advice
