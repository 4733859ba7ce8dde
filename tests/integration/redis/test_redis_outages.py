"""Conditions that end: what each is called, what to do, and that all goes on by itself then."""

import pytest
import trio

from hsid.queues.protocol import QueueUnavailableError
from hsid.queues.redis.errors import RedisOutOfMemoryError, RedisRefusedError
from hsid.queues.redis.state import REFUSAL_HOLDS, RedisStateKeeper
from tests.integration.redis.outages import OUTAGES, out_of_memory
from tests.integration.redis.rig import (
    PATIENCE,
    build_queue,
    error_of,
    open_pool,
    open_queue,
    put,
    ready_in,
    until,
    working,
)


@pytest.fixture(params=OUTAGES)
def outage(request):
    return OUTAGES[request.param]


@pytest.fixture(autouse=True)
def durable(server):
    """A server that is only away for a while keeps what it had."""
    server.restart(appendonly="yes")


async def test_an_outage_says_what_it_is_and_what_to_do(server, outage):
    """One class and one advice each, with the address; it is no refusal, so it is waited out."""
    with open_queue(server.url) as queue:
        await put(queue, "a")
        with outage.happens(server):
            error = await error_of(put, queue, "b")

    assert type(error) is outage.error
    assert isinstance(error, QueueUnavailableError)
    assert not isinstance(error, RedisRefusedError)
    assert outage.says in str(error)
    assert outage.advises in str(error)
    assert f"127.0.0.1:{server.port}" in str(error)


async def test_an_outage_is_seen_and_after_it_the_same_queue_goes_on(server, outage):
    """Red also where signs of life are given; then nothing is built anew, nothing is missing."""
    with open_pool(server.url) as pool:
        queue = build_queue(pool)
        await put(queue, "a", "b")
        with outage.happens(server):
            await error_of(put, queue, "c")
            if outage.answers_reads:
                await pool.server_version()
            assert not pool.state.is_connected
            assert outage.says in pool.state.last_error

        await put(queue, "c")
        assert await ready_in(queue) == ["a", "b", "c"]


async def test_consumers_work_on_by_themselves_after_an_outage(server, outage):
    """The pump tells that it is degraded, no actor is restarted, and all work gets done."""
    with open_queue(server.url) as queue, trio.fail_after(PATIENCE):
        await put(queue, "before")
        async with working(queue) as work:
            await until(lambda: work.has_done("before"))
            with outage.happens(server):
                await until(lambda: work.is_degraded)
            await put(queue, "after")
            await until(lambda: work.has_done("after"))

            assert sum(node.restarts for node in work.root.tree().walk()) == 0
            assert (await queue.stats()).depth == 0


async def test_a_full_server_still_hands_out_its_work(server):
    """Only what needs memory is refused; the consumers may make room."""
    with open_queue(server.url) as queue:
        await put(queue, "a", "b")
        with out_of_memory(server):
            await queue.ack(await queue.lease(2, duration=60))

        assert (await queue.stats()).depth == 0


async def test_health_stays_red_for_a_while_after_a_refused_write(autojump_clock):
    """A server that answers questions is not well before it takes writes again."""
    keeper = RedisStateKeeper()
    keeper.failed(RedisOutOfMemoryError("here"))
    keeper.succeeded()
    at_once = keeper.state.is_connected
    await trio.sleep(REFUSAL_HOLDS)
    keeper.succeeded()

    assert (at_once, keeper.state.is_connected) == (False, True)
    assert "out of memory" in keeper.state.last_error
